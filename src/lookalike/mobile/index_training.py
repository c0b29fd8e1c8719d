"""What an index for a phone is trained to be: partitions by k-means, codes by product quantisation.

Codes are those of Jégou, Douze and Schmid, "Product quantization for nearest neighbor search", TPAMI 2011; the client
compares them with the query as it is (asymmetrically). FAISS does the clustering.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookalike.errors import InputError, UnknownNameError
from lookalike.options import Options, parse_choice

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors

_CENTRES = 256
_TRAINED_ON = 50_000
"""Rows at most that centres are learnt from."""
_BLOCK = 8_192


@dataclass(frozen=True, slots=True)
class IndexKind:
    """How the rows of an index are kept and looked up; ``str`` gives the text that :meth:`parse` takes."""

    block: int = 0
    """Dimensions that share one code of a byte; 0: rows are kept as floats."""
    leaves: int = 1
    """The number of partitions."""
    fraction: float = 1.0
    """The share of the partitions that a search looks into."""

    @classmethod
    def parse(cls, text: str) -> IndexKind:
        """Read a kind.

        Parameters
        ----------
        text : ``float``; ``pq``, or ``pq:block=8``; both take ``leaves`` and ``fraction``, as in
            ``float:leaves=100,fraction=0.1``.

        Raises
        ------
        UnknownNameError, InputError : if it is no such kind.

        Examples
        --------
        >>> IndexKind.parse("pq:block=8,leaves=50,fraction=.2")
        IndexKind(block=8, leaves=50, fraction=0.2)
        """
        choice = parse_choice(text)
        if choice.name not in ("float", "pq"):
            raise UnknownNameError("kind of index for a phone", choice.name, ["float", "pq"])  # noqa: EM101
        options = Options(choice)
        options.refuse_arguments()
        block = options.whole("block", 4) if choice.name == "pq" else 0
        leaves, fraction = options.whole("leaves", 1), options.number("fraction", 1.0, above=0.0)
        options.refuse_others()
        if fraction > 1:
            msg = f"{choice.name}: fraction is the share of partitions to look into, at most 1, got {fraction:g}"
            raise InputError(msg)
        return cls(block, leaves, fraction)

    def __str__(self) -> str:
        options = [f"block={self.block}"] if self.block else []
        if self.leaves > 1:
            options += [f"leaves={self.leaves}", f"fraction={self.fraction:g}"]
        return ("pq" if self.block else "float") + (f":{','.join(options)}" if options else "")

    def bytes_for(self, rows: int, dim: int) -> int:
        """Return the size of rows and centres in bytes, without metadata."""
        partitions = self.leaves * dim * 4 if self.leaves > 1 else 0
        if not self.block:
            return rows * dim * 4 + partitions
        return rows * -(-dim // self.block) + _CENTRES * dim * 4 + partitions


@dataclass(frozen=True, slots=True, eq=False)
class Partitions:
    """Rows in groups of near ones."""

    centres: Vectors
    order: Positions
    """Shape (n,): the rows by partition, each partition in the order of the rows."""
    offsets: tuple[int, ...]


def partition(rows: Vectors, count: int, *, training: Vectors) -> Partitions:
    """Divide rows by the nearest of the centres that k-means finds.

    Parameters
    ----------
    rows : shape (n, dim), of unit length, in memory or mapped.
    count : of partitions; some may be empty.
    training : shape (m, dim), at least ``count`` rows to learn from.

    Raises
    ------
    InputError : if there are fewer rows to learn from than partitions.
    """
    if count > len(training):
        msg = f"{count} partitions cannot be learnt from {len(training)} rows; ask for fewer leaves"
        raise InputError(msg)
    centres = _centres(training, count)
    nearest = np.concatenate([_nearest(part, centres) for part in _blocks(rows)])
    order = np.argsort(nearest, kind="stable")
    offsets = np.searchsorted(nearest[order], np.arange(count))
    return Partitions(centres, order, tuple(offsets.tolist()))


def train_codebook(training: Vectors, block: int) -> tuple[Vectors, ...]:
    """Learn the centres of each run of ``block`` dimensions; the last run may be shorter.

    Returns
    -------
    For each subspace shape (c, its dimensions); c is 256, or the number of rows to learn from where that is less.
    """
    count = min(_CENTRES, len(training))
    starts = range(0, training.shape[1], block)
    return tuple(_centres(training[:, start : start + block], count) for start in starts)


def encode(rows: Vectors, codebook: tuple[Vectors, ...]) -> npt.NDArray[np.uint8]:
    """Return the codes of rows; shape (n, subspaces)."""
    codes = np.empty((len(rows), len(codebook)), np.uint8)
    starts = np.cumsum([0, *(centres.shape[1] for centres in codebook)])
    for begin in range(0, len(rows), _BLOCK):
        part = np.asarray(rows[begin : begin + _BLOCK], np.float32)
        for number, centres in enumerate(codebook):
            values = part[:, starts[number] : starts[number + 1]]
            codes[begin : begin + len(part), number] = _nearest(values, centres)
    return codes


def training_rows(rows: Vectors, without: Positions) -> Vectors:
    """Return rows to learn from: all but those that are to be asked with, or as many of them as it takes."""
    candidates = np.setdiff1d(np.arange(len(rows)), without)
    if len(candidates) == 0:
        candidates = np.arange(len(rows))
    if len(candidates) > _TRAINED_ON:
        candidates = np.sort(np.random.default_rng(0).choice(candidates, _TRAINED_ON, replace=False))
    return np.ascontiguousarray(rows[candidates], np.float32)


def _centres(training: Vectors, count: int) -> Vectors:
    from lookalike.indexes.faiss_library import faiss

    # fewer rows a centre than FAISS wants are what a small gallery has, and no reason to warn
    kmeans = faiss.Kmeans(training.shape[1], count, niter=20, seed=1, min_points_per_centroid=1)
    kmeans.train(np.ascontiguousarray(training))
    return np.array(kmeans.centroids, np.float32)


def _nearest(rows: Vectors, centres: Vectors) -> npt.NDArray[np.int64]:
    from lookalike.indexes.faiss_library import faiss

    _, nearest = faiss.knn(np.ascontiguousarray(rows, np.float32), np.ascontiguousarray(centres), 1)
    found: npt.NDArray[np.int64] = nearest[:, 0]
    return found


def _blocks(rows: Vectors) -> list[Vectors]:
    return [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
