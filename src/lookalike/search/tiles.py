"""Items found by the best of their tiles: a picture by a part of it.

The tiles of a gallery are rows of a table of their own, which is searched as the gallery is. Each names the stable id
of its item's row, and the digest of the picture that it was cut out of: a tile of what has been changed or removed
since counts for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookalike.gallery.lance_store import LanceStore
from lookalike.gallery.tile_table import BOX, ITEM, box_of
from lookalike.images.tiling import TILES

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.gallery.location import Location
    from lookalike.images.region import Box
    from lookalike.metric import Metric
    from lookalike.search.hit import Method
    from lookalike.search.searcher import Searcher


@dataclass(frozen=True, slots=True)
class Tile:
    """The best tile of an item."""

    score: float
    box: Box
    digest: str
    """Of the picture that it is a part of."""


@dataclass(frozen=True, slots=True)
class TilesFound:
    """What a search among tiles found."""

    best: list[dict[int, Tile]]
    """For each query the best tile by the stable row id of its item."""
    method: Method


class TileFinder:
    """Searches the tiles of a gallery, if it has them.

    Parameters
    ----------
    location : of the gallery.
    searcher : makes what searches the table of tiles.
    """

    def __init__(self, location: Location, searcher: Callable[[LanceStore], Searcher]) -> None:
        self._location = location.tiles
        self._make = searcher
        self._searcher: Searcher | None = None
        self._made = (0, 0)

    def nearest(
        self, queries: Vectors, k: int, metric: Metric, selected: npt.NDArray[np.uint64] | None
    ) -> TilesFound | None:
        """Return the items with the best tiles for each query; None if the gallery has no tiles.

        Parameters
        ----------
        queries : shape (q, dim).
        k : at least that many items are found for each query, as far as there are.
        metric : how tiles are compared.
        selected : only items of these stable row ids; None: all.
        """
        searcher = self._current()
        if searcher is None:
            return None
        view = searcher.view(metric)
        if ITEM not in view.store.attributes:  # none has been made yet
            return None
        among = None if selected is None else view.select(_tiles_of(view.store, selected))
        # of the k best items, each has a tile among the k * TILES best: no more than TILES belong to one item
        row_ids, scores = view.nearest(queries, k * TILES, among)
        rows = _rows(view.store, np.unique(row_ids[row_ids >= 0]))
        found = []
        for ids, values in zip(row_ids, scores, strict=True):
            best: dict[int, Tile] = {}
            for place in np.lexsort((ids, -values)).tolist():
                if ids[place] in rows:
                    item, box, digest = rows[int(ids[place])]
                    best.setdefault(item, Tile(float(values[place]), box, digest))
            found.append(best)
        return TilesFound(found, view.method)

    def _current(self) -> Searcher | None:
        if not self._location.exists():
            return None
        status = self._location.rows.stat()
        made = (status.st_ino, status.st_mtime_ns)
        if self._searcher is None or made != self._made:  # the tiles may have been dropped and made anew
            self._searcher = self._make(LanceStore.open(self._location))
            self._made = made
        return self._searcher


def _rows(store: LanceStore, row_ids: npt.NDArray[np.int64]) -> dict[int, tuple[int, Box, str]]:
    table = store.take(row_ids.astype(np.uint64), [ITEM, "digest", *BOX])
    return {row["_rowid"]: (row[ITEM], box_of(row), row["digest"]) for row in table.to_pylist()}


def _tiles_of(store: LanceStore, items: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    parts = [
        batch["_rowid"].to_numpy()[np.isin(batch[ITEM].to_numpy().astype(np.uint64), items)]
        for batch in store.scan([ITEM])
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)
