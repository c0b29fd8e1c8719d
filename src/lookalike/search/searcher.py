"""Search over a gallery as it is now: a snapshot, the rows written since, and without the rows deleted since."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import InputError
from lookalike.metric import Metric
from lookalike.search.filters import rows_where
from lookalike.search.hit import Hit, Method
from lookalike.search.ready_index import FOLDER
from lookalike.search.snapshot import stored_snapshots
from lookalike.search.upkeep import Lag, best_snapshot, lag_of, write_if_allowed
from lookalike.search.uris import full_uri
from lookalike.search.view import open_view

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.images.ref import Scalar
    from lookalike.images.region import Box
    from lookalike.search.snapshot import Snapshot
    from lookalike.search.tiles import Tile, TileFinder
    from lookalike.search.view import View


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What narrows a search."""

    metric: Metric = Metric.COSINE
    where: str | None = None
    """A condition over the attributes in SQL; see :mod:`lookalike.search.filters`."""
    min_score: float | None = None
    """Hits below are left out; finite."""
    reverse: bool = False
    """The least alike are wanted: they come first, found exactly whatever the index, and compared as a whole."""
    tiles: bool = True
    """Pictures are compared by their best part, where the gallery has tiles of them."""

    def __post_init__(self) -> None:
        _check_min_score(self.min_score)


@dataclass(frozen=True, slots=True)
class Item:
    """What is known of a row besides its embedding."""

    id: str
    uri: str
    attributes: Mapping[str, Scalar]
    digest: str

    @property
    def whole(self) -> Box | None:
        """All of its picture, if the size is known."""
        width, height = self.attributes.get("width"), self.attributes.get("height")
        return (0, 0, width, height) if isinstance(width, int) and isinstance(height, int) else None


class Searcher:
    """Answers queries over one gallery; follows it as it changes."""

    def __init__(self, store: LanceStore, tiles: TileFinder | None = None) -> None:
        self._store = store
        self._tiles = tiles
        self._lock = threading.Lock()
        self._renewal: threading.Thread | None = None
        self._pinned: LanceStore | None = None
        self._stored: tuple[tuple[int, int], ...] = ()
        """The snapshots that there were when it was chosen among them."""
        self._snapshot: Snapshot | None = None
        self._views: dict[tuple[Metric, bool], View] = {}
        """By metric, and whether the least alike are found, of the pinned version."""

    def method(self, metric: Metric = Metric.COSINE) -> Method:
        """Return how searches by that metric are done now."""
        return self.view(metric).method

    def search(
        self, queries: Vectors, k: int, options: SearchOptions, *, exclude: Sequence[Collection[str]] = ()
    ) -> list[list[Hit]]:
        """Return the best hits of each query, or the least alike, these first; equal scores by id.

        Parameters
        ----------
        queries : shape (q, dim).
        k : at least 1; all items are returned where there are fewer.
        options : what narrows the search.
        exclude : for each query the ids of items to leave out, such as the query itself.

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
        self, queries: Vectors, k: int, options: SearchOptions, *, exclude: Sequence[Collection[str]] = ()
    ) -> tuple[list[list[Hit]], Method]:
        """Return what :meth:`search` does, and how it was done."""
        k = checked_k(k)
        view = self.view(options.metric, reverse=options.reverse)
        selected = None if options.where is None else rows_where(view.store, options.where)
        wanted = k + max(map(len, exclude), default=0)
        row_ids, scores = view.nearest(queries, wanted, selected)
        best = [dict(zip(*found, strict=True)) for found in zip(row_ids.tolist(), scores.tolist(), strict=True)]
        method, tiles = view.method, None
        if self._tiles is not None and options.tiles and not options.reverse:
            tiles = self._tiles.nearest(queries, wanted, options.metric, selected)
        if tiles is not None:
            method = min(method, tiles.method, key=lambda way: way.recall)
        row_ids_seen = {row_id for found in (*best, *(tiles.best if tiles else ())) for row_id in found} - {-1}
        rows = fetch_items(view.store, np.array(sorted(row_ids_seen), np.uint64))
        leave_out = [*exclude, *[()] * (len(queries) - len(exclude))]
        hits = []
        for i in range(len(queries)):
            candidates = _candidates(best[i], None if tiles is None else tiles.best[i], rows)
            hits.append(_ranked(candidates, k, leave_out[i], options))
        return hits, method

    def view(self, metric: Metric, *, reverse: bool = False) -> View:
        """Return the rows as they are now: all that one search reads is of one version."""
        with self._lock:
            self._store.refresh()
            stored = stored_snapshots(self._store)
            if self._pinned is None or (self._pinned.version, self._stored) != (self._store.version, stored):
                self._pinned, self._stored = self._store.pinned(), stored
                self._views = {}
                self._snapshot = self._usable_snapshot(self._pinned)
            wanted = (metric, reverse)
            if wanted not in self._views:
                self._views[wanted] = open_view(self._pinned, self._snapshot, metric, reverse=reverse)
            return self._views[wanted]

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


def fetch_items(store: LanceStore, row_ids: npt.NDArray[Any]) -> dict[int, Item]:
    """Return the rows of those stable ids that still exist, by their ids."""
    table = store.take(row_ids.astype(np.uint64), ["id", "uri", "digest", *store.attributes])
    base = store.location.base
    rows = {}
    for row in table.to_pylist():
        row_id = int(row.pop("_rowid"))
        uri = full_uri(row.pop("uri"), base)
        item, digest = row.pop("id"), row.pop("digest")
        rows[row_id] = Item(item, uri, {name: value for name, value in row.items() if value is not None}, digest)
    return rows


def _candidates(
    found: dict[int, float], tiles: dict[int, Tile] | None, rows: dict[int, Item]
) -> list[tuple[float, Item, Box | None]]:
    """Return items with their scores, and the part of them that has it if they were searched by parts."""
    candidates = []
    for row_id in {*found, *(tiles or ())} & rows.keys():
        score, item, box = found.get(row_id, -math.inf), rows[row_id], None
        if tiles is not None:
            box = item.whole
            tile = tiles.get(row_id)
            if tile is not None and tile.digest == item.digest and tile.score > score:
                score, box = tile.score, tile.box
        if score > -math.inf:
            candidates.append((score, item, box))
    return candidates


def _ranked(
    candidates: list[tuple[float, Item, Box | None]], k: int, leave_out: Collection[str], options: SearchOptions
) -> list[Hit]:
    lowest = -math.inf if options.min_score is None else options.min_score
    sign = 1 if options.reverse else -1
    kept = [candidate for candidate in candidates if candidate[1].id not in leave_out and candidate[0] >= lowest]
    kept.sort(key=lambda candidate: (sign * candidate[0], candidate[1].id))
    return [
        Hit(rank, item.id, item.uri, score, item.attributes, item.digest, box)
        for rank, (score, item, box) in enumerate(kept[:k], start=1)
    ]
