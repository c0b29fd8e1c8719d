"""Hash tables of bit codes: rows of one code stand together, so that a bucket is a slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.arrays import Positions

    Codes = npt.NDArray[np.uint64]

_PROBED_BITS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The rows of one table, grouped by code."""

    codes: Codes
    """Shape (u,): the codes that occur, ascending."""
    starts: npt.NDArray[np.int64]
    """Shape (u + 1,): where the rows of each code begin in ``order``; the last is the end."""
    order: npt.NDArray[np.int32]
    """Shape (n,): the positions of all rows, by code, then ascending."""

    @classmethod
    def of(cls, codes: Codes) -> Table:
        """Group rows by their codes; shape (n,)."""
        order = np.argsort(codes, kind="stable")
        distinct, counts = np.unique(codes[order], return_counts=True)
        starts = np.concatenate([[0], np.cumsum(counts)])
        return cls(distinct, starts.astype(np.int64), order.astype(np.int32))

    def with_more(self, codes: Codes) -> Table:
        """Return the table with further rows of these codes, whose positions follow."""
        known = np.empty(len(self.order), np.uint64)
        known[self.order] = np.repeat(self.codes, np.diff(self.starts))
        return Table.of(np.concatenate([known, codes]))

    def buckets(self, codes: Codes) -> tuple[Positions, Positions]:
        """Return where the rows of each code begin and end in ``order``; both of the shape of ``codes``."""
        if len(self.codes) == 0:
            nothing = np.zeros(codes.shape, np.int64)
            return nothing, nothing
        place = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        occurs = self.codes[place] == codes
        return np.where(occurs, self.starts[place], 0), np.where(occurs, self.starts[place + 1], 0)


def codes_of(sides: npt.NDArray[np.bool_]) -> Codes:
    """Return the bits as numbers, the first bit lowest; shape (..., bits) to (...), uint64."""
    weights = np.uint64(1) << np.arange(sides.shape[-1], dtype=np.uint64)
    return np.asarray((sides * weights).sum(axis=-1, dtype=np.uint64))


def probed_codes(codes: Codes, margins: npt.NDArray[np.float64], probes: int) -> Codes:
    """Return each code, and after it the codes with the likeliest bits flipped.

    Parameters
    ----------
    codes : shape (...), of queries.
    margins : shape (..., bits): how far a query is from each hyperplane.
    probes : how many further codes, at most 2**bits - 1.

    Returns
    -------
    Shape (..., 1 + probes): the further ones by ascending sum of squares of the margins of the flipped bits.

    Notes
    -----
    Query-directed multi-probe of Lv et al. (https://dl.acm.org/doi/10.5555/1325851.1325958). Sets of the ten bits with
    the lowest margins are tried.
    """
    if probes == 0:
        return codes[..., None]
    near = np.argsort(margins, axis=-1, kind="stable")[..., :_PROBED_BITS]
    costs = np.square(np.take_along_axis(margins, near, axis=-1))
    sets = np.arange(1, 1 << near.shape[-1])
    members = (sets[:, None] >> np.arange(near.shape[-1])) & 1
    total = costs @ members.T.astype(np.float64)
    best = np.argsort(total, axis=-1, kind="stable")[..., :probes]
    flips = (members[best] * (np.uint64(1) << near.astype(np.uint64))[..., None, :]).sum(axis=-1, dtype=np.uint64)
    return np.concatenate([codes[..., None], codes[..., None] ^ flips], axis=-1)


def most_probes(bits: int) -> int:
    """Return how many further codes :func:`probed_codes` can give."""
    return (1 << min(bits, _PROBED_BITS)) - 1


def gather(order: npt.NDArray[np.int32], starts: Positions, ends: Positions) -> tuple[Positions, Positions]:
    """Return the rows of many buckets, one after the other.

    Parameters
    ----------
    order : the rows of a table.
    starts, ends : shape (b,): the slices of it.

    Returns
    -------
    The rows, and for each the number of its bucket; both of shape (total,).
    """
    lengths = ends - starts
    bucket = np.repeat(np.arange(len(starts)), lengths)
    offsets = np.cumsum(lengths) - lengths
    places = np.arange(lengths.sum()) - np.repeat(offsets - starts, lengths)
    return order[places].astype(np.int64), bucket
