"""The index of a searcher: built over rows, measured, and chosen by its size and what it finds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lookalike.errors import InputError
from lookalike.indexes.base import Neighbors
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.recall import true_neighbours, without_self
from lookalike.indexes.rescoring import nearest_of
from lookalike.mobile import index_search
from lookalike.mobile.index_file import OnDeviceIndex
from lookalike.mobile.index_training import IndexKind, encode, partition, train_codebook, training_rows
from lookalike.mobile.searcher_options import K

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lookalike.arrays import Positions, Vectors

_QUERIES = 200
_PARTITIONED_FROM = 10_000
"""Rows below which the search is no matter beside the model, a few milliseconds."""
_BLOCKS = (1, 2, 4, 8, 16, 32, 64)
_TRIED = 2
_FRACTIONS = (0.02, 0.05, 0.1, 0.2, 0.5)
_LOSS = 0.005
"""The recall that looking into fewer partitions may cost."""


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """An index over rows, measured."""

    index: OnDeviceIndex
    kind: IndexKind
    order: Positions
    """Shape (n,): the row that each row of the index is."""
    recall: float
    """At 10, against exact search over the same rows, as a phone has it."""


class IndexMaker:
    """Builds indexes over rows.

    Parameters
    ----------
    rows : shape (n, dim), of unit length; mapped or in memory.
    metadata : for each row.
    is_dot : whether queries have other lengths; see :class:`lookalike.mobile.index_file.OnDeviceIndex`.
    """

    def __init__(self, rows: Vectors, metadata: Sequence[bytes], *, is_dot: bool = False) -> None:
        self._rows = rows
        self._metadata = metadata
        self._is_dot = is_dot
        self._exact = ExactIndex(rows)
        self._truth = true_neighbours(self._exact, count=min(_QUERIES, len(rows)), k=K)
        # those that are asked with are kept out of what centres are learnt from, as those of a phone will be
        self._training = training_rows(rows, self._truth.positions)

    @property
    def queries(self) -> int:
        """The number of rows that recalls are measured with."""
        return len(self._truth.positions)

    def build(self, kind: IndexKind) -> Built:
        """Build an index and measure its recall.

        Raises
        ------
        InputError : if there are too few rows for so many partitions.
        """
        rows, order = self._rows, np.arange(len(self._rows))
        offsets: tuple[int, ...] = (0,)
        leaves = None
        if kind.leaves > 1:
            parts = partition(rows, kind.leaves, training=self._training)
            order, offsets, leaves = parts.order, parts.offsets, parts.centres
        codebook = train_codebook(self._training, kind.block) if kind.block else ()
        stored = encode(rows, codebook) if codebook else rows
        index = OnDeviceIndex(
            stored if leaves is None else stored[order],
            rows.shape[1],
            [self._metadata[row] for row in order.tolist()],
            offsets=offsets,
            leaves=leaves,
            fraction=kind.fraction,
            codebook=codebook,
            is_dot=self._is_dot,
        )
        return Built(index, kind, order, self._recall(index, order))

    def best(self, budget: int | None, report: Callable[[str], None]) -> Built:
        """Return the index of the best recall whose rows and centres fit; floats where there is no budget.

        Parameters
        ----------
        budget : bytes; None for any number.
        report : told what was measured.

        Raises
        ------
        InputError : if nothing fits.
        """
        found = [self._with_fewest_partitions(kind) for kind in self._kinds(budget)]
        for built in found:
            report(f"{built.kind}: recall@{K} {built.recall:.3f}")
        return max(found, key=lambda built: (built.recall, -built.kind.bytes_for(*self._rows.shape)))

    def _kinds(self, budget: int | None) -> list[IndexKind]:
        rows, dim = self._rows.shape
        leaves = math.isqrt(rows) if rows >= _PARTITIONED_FROM else 1
        kinds = [IndexKind(block, leaves) for block in (0, *(block for block in _BLOCKS if block <= dim))]
        if budget is None:
            return kinds[:1]
        fitting = [kind for kind in kinds if kind.bytes_for(rows, dim) <= budget]
        if not fitting:
            least = min(kind.bytes_for(rows, dim) for kind in kinds)
            msg = (
                f"{rows:,} rows take at least {least / 1e6:.1f} MB beside the model and what is told of them, and "
                f"{max(budget, 0) / 1e6:.1f} MB are left for them; raise --max-size, or export fewer with --where"
            )
            raise InputError(msg)
        return fitting[: 1 if fitting[0].block == 0 else _TRIED]

    def _with_fewest_partitions(self, kind: IndexKind) -> Built:
        """Build an index that looks into as few partitions as cost it almost no recall."""
        built = self.build(kind)
        if kind.leaves == 1:
            return built
        for fraction in _FRACTIONS:
            index = replace(built.index, fraction=fraction)
            recall = self._recall(index, built.order)
            if recall >= built.recall - _LOSS:
                return Built(index, replace(kind, fraction=fraction), built.order, recall)
        return built

    def _recall(self, index: OnDeviceIndex, order: Positions) -> float:
        truth = self._truth
        found = index_search.search(index, truth.queries, truth.k + 1)
        positions = np.where(found.positions < 0, -1, order[found.positions])
        others = without_self(Neighbors(positions, found.scores), truth.positions)
        # the client's own distances to codes are estimates
        return truth.recall(nearest_of(truth.queries, others.positions, self._exact, truth.k))
