"""Search over a gallery as it is now: a snapshot, the rows written since, and without the rows deleted since."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lookalike.errors import InputError
from lookalike.gallery.lance_store import embedding_matrix
from lookalike.gallery.record import EMBEDDING
from lookalike.indexes.exact import ExactIndex
from lookalike.metric import Metric
from lookalike.search.filters import rows_where
from lookalike.search.hit import EXACTLY, Hit, Method
from lookalike.search.index_plan import plan_of
from lookalike.search.ready_index import FOLDER, ReadyIndex, read_index, wants_index
from lookalike.search.snapshot import stored_snapshots
from lookalike.search.upkeep import Lag, best_snapshot, lag_of, write_if_allowed
from lookalike.search.uris import full_uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.images.ref import Scalar
    from lookalike.search.snapshot import Snapshot

    RowIds = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What narrows a search."""

    metric: Metric = Metric.COSINE
    where: str | None = None
    """A condition over the attributes in SQL; see :mod:`lookalike.search.filters`."""
    min_score: float | None = None
    """Hits below are left out; finite."""

    def __post_init__(self) -> None:
        _check_min_score(self.min_score)


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows that are searched together."""

    row_ids: RowIds
    index: ExactIndex | ReadyIndex
    live: npt.NDArray[np.bool_] | None
    """Which rows are still what the gallery holds; None: all."""


@dataclass(frozen=True, slots=True)
class _Item:
    id: str
    uri: str
    attributes: Mapping[str, Scalar]
    digest: str


class Searcher:
    """Answers queries over one gallery; follows it as it changes."""

    def __init__(self, store: LanceStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._renewal: threading.Thread | None = None
        self._pinned: LanceStore | None = None
        self._stored: tuple[tuple[int, int], ...] = ()
        """The snapshots that there were when it was chosen among them."""
        self._snapshot: Snapshot | None = None
        self._parts: dict[Metric, list[_Part]] = {}
        """By metric, of the pinned version."""

    def method(self, metric: Metric = Metric.COSINE) -> Method:
        """Return how searches by that metric are done now."""
        return _method(self._current(metric)[1])

    def search(
        self, queries: Vectors, k: int, options: SearchOptions, *, exclude: Sequence[str | None] = ()
    ) -> list[list[Hit]]:
        """Return the best hits of each query, best first, equal scores by id.

        Parameters
        ----------
        queries : shape (q, dim).
        k : at least 1; all items are returned where there are fewer.
        options : what narrows the search.
        exclude : for each query the id of an item to leave out, such as the query itself, or None.

        Returns
        -------
        q lists of at most k hits.

        Raises
        ------
        ShapeError : if the queries have another dimension than the gallery.
        InputError : if k or the condition cannot be used.
        """
        return self.answer(queries, k, options, exclude=exclude)[0]

    def answer(
        self, queries: Vectors, k: int, options: SearchOptions, *, exclude: Sequence[str | None] = ()
    ) -> tuple[list[list[Hit]], Method]:
        """Return what :meth:`search` does, and how it was done."""
        k = checked_k(k)
        store, parts = self._current(options.metric)
        selected = None if options.where is None else rows_where(store, options.where)
        wanted = k + 1 if any(exclude) else k
        found = [_search_part(part, queries, wanted, selected) for part in parts]
        rows = _fetch(store, np.unique(np.concatenate([ids[ids >= 0] for ids, _ in found])))
        leave_out = [*exclude, *[None] * (len(queries) - len(exclude))]
        hits = []
        for i in range(len(queries)):
            scored = [
                (float(score), rows[int(row_id)])
                for ids, scores in found
                for row_id, score in zip(ids[i], scores[i], strict=True)
                if row_id >= 0 and int(row_id) in rows
            ]
            hits.append(_ranked(scored, k, leave_out[i], options.min_score))
        return hits, _method(parts)

    def _current(self, metric: Metric) -> tuple[LanceStore, list[_Part]]:
        """Return the newest version, and its rows as they are searched: all that one search reads is of one version."""
        with self._lock:
            self._store.refresh()
            stored = stored_snapshots(self._store)
            if self._pinned is None or (self._pinned.version, self._stored) != (self._store.version, stored):
                self._pinned, self._stored = self._store.pinned(), stored
                self._parts = {}
                self._snapshot = self._usable_snapshot(self._pinned)
            if metric not in self._parts:
                self._parts[metric] = _open_parts(self._pinned, self._snapshot, metric)
            return self._pinned, self._parts[metric]

    def _usable_snapshot(self, store: LanceStore) -> Snapshot | None:
        """Return a snapshot that the newer rows can be searched beside; None: all rows are searched in the table."""
        snapshot = best_snapshot(store, known=self._snapshot)
        lag = lag_of(store, snapshot)
        if lag is Lag.TOO_MUCH:
            write_if_allowed(store)
            return best_snapshot(store, known=self._snapshot)
        is_indexed = snapshot is not None and (snapshot.path / FOLDER).is_dir()  # which a writer builds anew
        is_idle = self._renewal is None or not self._renewal.is_alive()
        if lag is Lag.SOME and is_idle and not is_indexed:
            # who searches meanwhile need not wait for it
            self._renewal = threading.Thread(target=write_if_allowed, args=[store], name="lookalike-snapshot")
            self._renewal.start()
        return snapshot


def _check_min_score(value: Any) -> None:
    if value is not None and not (isinstance(value, Real) and math.isfinite(value)):
        msg = f"min_score must be a finite number, got {value!r}; leave it out to keep every hit"
        raise InputError(msg)


def checked_k(k: Any) -> int:
    """Return the number of hits to find.

    Raises
    ------
    InputError : if it is no whole number of at least 1.
    """
    if not isinstance(k, Integral) or k < 1:
        msg = f"k must be a whole number of at least 1, got {k!r}"
        raise InputError(msg)
    return int(k)


def _method(parts: Sequence[_Part]) -> Method:
    for part in parts:
        if isinstance(part.index, ReadyIndex):
            return Method(part.index.name, part.index.recall)
    return EXACTLY


def _open_parts(store: LanceStore, snapshot: Snapshot | None, metric: Metric) -> list[_Part]:
    if snapshot is None:
        return [_tail(store, metric, newer_than=None)]
    ready = None
    if metric is Metric.COSINE and wants_index(plan_of(store), snapshot):
        ready = read_index(store, snapshot, plan_of(store))
    index = ready or ExactIndex(snapshot.vectors, metric=metric, norms=snapshot.norms)
    if snapshot.version == store.version:
        return [_Part(snapshot.row_ids, index, None)]
    tail = _tail(store, metric, newer_than=snapshot.version)
    live = np.isin(snapshot.row_ids, store.row_ids()) & ~np.isin(snapshot.row_ids, tail.row_ids)
    return [_Part(snapshot.row_ids, index, None if live.all() else live), tail]


def _tail(store: LanceStore, metric: Metric, *, newer_than: int | None) -> _Part:
    batches = list(store.scan(["id", EMBEDDING], newer_than=newer_than))
    if not batches:
        empty = np.empty((0, store.manifest.dim), np.float32)
        return _Part(np.empty(0, np.uint64), ExactIndex(empty, metric=metric), None)
    order = pc.sort_indices(pa.chunked_array([batch["id"] for batch in batches])).to_numpy()
    vectors = np.concatenate([embedding_matrix(batch[EMBEDDING]) for batch in batches])[order]
    row_ids = np.concatenate([batch["_rowid"].to_numpy() for batch in batches])[order]
    return _Part(row_ids, ExactIndex(vectors, metric=metric), None)


def _fetch(store: LanceStore, row_ids: npt.NDArray[np.int64]) -> dict[int, _Item]:
    table = store.take(row_ids.astype(np.uint64), ["id", "uri", "digest", *store.attributes])
    base = store.location.base
    rows = {}
    for row in table.to_pylist():
        row_id = int(row.pop("_rowid"))
        uri = full_uri(row.pop("uri"), base)
        item, digest = row.pop("id"), row.pop("digest")
        rows[row_id] = _Item(item, uri, {name: value for name, value in row.items() if value is not None}, digest)
    return rows


def _search_part(
    part: _Part, queries: Vectors, k: int, selected: RowIds | None
) -> tuple[npt.NDArray[np.int64], Vectors]:
    """Return the row ids, -1 where there is none, and the scores; both of shape (q, at most k)."""
    allowed = part.live
    if selected is not None:
        chosen = np.isin(part.row_ids, selected)
        allowed = chosen if allowed is None else allowed & chosen
    found = part.index.search(queries, min(k, max(1, len(part.row_ids))), allowed)
    if len(part.row_ids) == 0:
        return found.positions, found.scores
    row_ids = part.row_ids.astype(np.int64)[found.positions]
    row_ids[found.positions < 0] = -1
    return row_ids, found.scores


def _ranked(scored: list[tuple[float, _Item]], k: int, leave_out: str | None, min_score: float | None) -> list[Hit]:
    kept = [
        (score, item) for score, item in scored if item.id != leave_out and (min_score is None or score >= min_score)
    ]
    kept.sort(key=lambda pair: (-pair[0], pair[1].id))
    return [
        Hit(rank, item.id, item.uri, score, item.attributes, item.digest)
        for rank, (score, item) in enumerate(kept[:k], start=1)
    ]
