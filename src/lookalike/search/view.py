"""The rows of one version of a gallery, as they are searched: a snapshot, and the rows written since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookalike.indexes.exact import ExactIndex
from lookalike.metric import Metric
from lookalike.search.hit import EXACTLY, Method
from lookalike.search.index_plan import plan_of
from lookalike.search.ready_index import ReadyIndex, read_index, wants_index
from lookalike.search.row_reading import read_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.search.snapshot import Snapshot

    RowIds = npt.NDArray[np.uint64]
    Selection = Sequence[npt.NDArray[np.bool_]]
    """For each part of a view, which of its rows may be found."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that are searched together."""

    row_ids: RowIds
    index: ExactIndex | ReadyIndex
    live: npt.NDArray[np.bool_] | None
    """Which rows are still what the gallery holds; None: all."""


@dataclass(frozen=True, slots=True)
class View:
    """All rows of one version, by one metric."""

    store: LanceStore
    """Pinned to the version."""
    snapshot: Snapshot | None
    metric: Metric
    parts: Sequence[Part]

    @property
    def method(self) -> Method:
        """How the rows are searched."""
        for part in self.parts:
            if isinstance(part.index, ReadyIndex):
                return Method(part.index.name, part.index.recall)
        return EXACTLY

    def select(self, row_ids: RowIds) -> Selection:
        """Return the rows of those stable ids, as far as they are still what the gallery holds."""
        chosen = [np.isin(part.row_ids, row_ids) for part in self.parts]
        return [mask if part.live is None else mask & part.live for part, mask in zip(self.parts, chosen, strict=True)]

    def selected_ids(self, selection: Selection) -> RowIds:
        """Return the stable ids of the rows that :meth:`select` chose."""
        return np.concatenate([part.row_ids[mask] for part, mask in zip(self.parts, selection, strict=True)])

    def nearest(self, queries: Vectors, k: int, selected: Selection | None = None) -> tuple[Positions, Vectors]:
        """Return rows among which are the nearest of each query, or the farthest if the view is of these.

        Parameters
        ----------
        queries : shape (q, dim).
        k : at least 1.
        selected : only these rows; None: all.

        Returns
        -------
        Stable row ids, int64, and their scores; both of shape (q, at most k for each part), in no certain order. Where
        there is no row, the id is -1.
        """
        allowed = [part.live for part in self.parts] if selected is None else selected
        found = [_search_part(part, queries, k, mask) for part, mask in zip(self.parts, allowed, strict=True)]
        return np.concatenate([ids for ids, _ in found], axis=1), np.concatenate([s for _, s in found], axis=1)

    def sample(self, count: int) -> RowIds:
        """Return the stable ids of rows that are drawn at random, the same at every call; at most ``count``."""
        ids = [part.row_ids if part.live is None else part.row_ids[part.live] for part in self.parts]
        everything = np.concatenate(ids)
        return np.random.default_rng(0).choice(everything, min(count, len(everything)), replace=False)


def open_view(store: LanceStore, snapshot: Snapshot | None, metric: Metric, *, reverse: bool = False) -> View:
    """Return the rows of the version that a store is pinned to.

    Parameters
    ----------
    store : pinned.
    snapshot : of this version or an earlier one; without one, all embeddings are read into memory.
    metric : how rows are compared.
    reverse : the farthest rows are to be found, which is done exactly.
    """
    return View(store, snapshot, metric, _open_parts(store, snapshot, metric, reverse=reverse))


def _open_parts(store: LanceStore, snapshot: Snapshot | None, metric: Metric, *, reverse: bool) -> list[Part]:
    if snapshot is None:
        return [_tail(store, metric, newer_than=None, reverse=reverse)]
    ready = None
    if metric is Metric.COSINE and not reverse and wants_index(plan_of(store), snapshot):
        ready = read_index(store, snapshot, plan_of(store))
    index = ready or ExactIndex(snapshot.vectors, metric=metric, norms=snapshot.norms, farthest=reverse)
    if snapshot.version == store.version:
        return [Part(snapshot.row_ids, index, None)]
    tail = _tail(store, metric, newer_than=snapshot.version, reverse=reverse)
    live = np.isin(snapshot.row_ids, store.row_ids()) & ~np.isin(snapshot.row_ids, tail.row_ids)
    return [Part(snapshot.row_ids, index, None if live.all() else live), tail]


def _tail(store: LanceStore, metric: Metric, *, newer_than: int | None, reverse: bool) -> Part:
    row_ids, vectors = read_rows(store, newer_than=newer_than)
    return Part(row_ids, ExactIndex(vectors, metric=metric, farthest=reverse), None)


def _search_part(
    part: Part, queries: Vectors, k: int, allowed: npt.NDArray[np.bool_] | None
) -> tuple[Positions, Vectors]:
    found = part.index.search(queries, min(k, max(1, len(part.row_ids))), allowed)
    if len(part.row_ids) == 0:
        return found.positions, found.scores
    row_ids = part.row_ids.view(np.int64)[found.positions]
    row_ids[found.positions < 0] = -1
    return row_ids, found.scores
