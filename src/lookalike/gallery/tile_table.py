"""The tiles of the pictures in a gallery: a table of their own, searched as the items are, and kept in step with them.

A tile names the stable id of its item's row and the digest of the picture that it was cut out of. All tiles of a
picture are committed at once, so each has all of them or none.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lookalike.gallery.lance_store import LanceStore, embedding_matrix, ids_filter
from lookalike.gallery.manifest import Manifest
from lookalike.gallery.record import EMBEDDING, Record
from lookalike.images.tiling import TILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from lookalike.arrays import Vectors
    from lookalike.images.region import Box

ITEM = "item"
BOX = ("x", "y", "width", "height")
_PAIR = np.dtype([("item", np.uint64), ("digest", np.uint64)])
_COPIED_AT_ONCE = 64
_COMMITS = 64
"""Between two times that small files are merged, for each commit has to list them all."""


@dataclass(frozen=True, slots=True)
class TiledPicture:
    """The tiles of one picture."""

    item: int
    """The stable id of its item's row."""
    digest: str
    """Of the picture."""
    boxes: Sequence[Box]
    vectors: Vectors
    """Shape (len(boxes), dim)."""


class TileTable:
    """Writes the tiles of a gallery; only for who holds its writer lock.

    Parameters
    ----------
    items : the gallery.
    """

    def __init__(self, items: LanceStore) -> None:
        self._items = items
        if not items.location.tiles.exists():
            LanceStore.create(items.location.tiles, Manifest(items.manifest.encoder, dim=items.manifest.dim))
        self.store = LanceStore.open(items.location.tiles)
        self._commits = 0

    def missing(self) -> npt.NDArray[np.uint64]:
        """Return the stable ids of the items that have no tiles of what they are now; ascending."""
        return np.sort(np.setdiff1d(self._held(), self._tiled())["item"])

    def add(self, pictures: Sequence[TiledPicture]) -> None:
        """Add the tiles of pictures whose items have none, in one commit.

        Raises
        ------
        StoreError : if they cannot be written.
        """
        if pictures:
            self.store.add(_records(pictures), _vectors(pictures))
            self._commits += 1
            if self._commits % _COMMITS == 0:
                self.store.optimise()

    def copy_known(self) -> int:
        """Give items the tiles of others with the same bytes, such as what they were called before; say how many."""
        tiles = self._tiled()
        tiles = tiles[np.argsort(tiles["digest"], kind="stable")]
        missing = np.setdiff1d(self._held(), tiles)
        known = missing[np.isin(missing["digest"], tiles["digest"])]
        sources = tiles["item"][np.searchsorted(tiles["digest"], known["digest"])]
        for start in range(0, len(known), _COPIED_AT_ONCE):
            chunk = slice(start, start + _COPIED_AT_ONCE)
            held = self._pictures(sources[chunk].tolist())
            pairs = zip(known["item"][chunk].tolist(), sources[chunk].tolist(), strict=True)
            copies = [replace(held[source], item=item) for item, source in pairs]
            self.store.upsert(_records(copies), _vectors(copies))  # they may have tiles of what they were
        return len(known)

    def drop_stale(self) -> int:
        """Drop the tiles of items that were changed or removed, and say of how many."""
        stale = np.setdiff1d(self._tiled(), self._held())["item"].tolist()
        if stale:
            self.store.delete(_ids(stale))
        return len(stale)

    def _held(self) -> npt.NDArray[np.void]:
        """Return the items, with 64 bits of their digests."""
        return _pairs(self._items.scan(["digest"]), "_rowid")

    def _tiled(self) -> npt.NDArray[np.void]:
        """Return the items that have tiles, with 64 bits of the digests of what these are of."""
        # none has been made as long as the columns are not there
        firsts = self.store.scan(["digest", ITEM], where="id LIKE '%/0'") if ITEM in self.store.attributes else ()
        return _pairs(firsts, ITEM)

    def _pictures(self, items: Sequence[int]) -> dict[int, TiledPicture]:
        rows: defaultdict[int, list[tuple[str, Box, Vectors]]] = defaultdict(list)
        for batch in self.store.scan([ITEM, "digest", *BOX, EMBEDDING], where=ids_filter(_ids(items))):
            vectors = embedding_matrix(batch[EMBEDDING])
            for row, vector in zip(batch.drop_columns([EMBEDDING]).to_pylist(), vectors, strict=True):
                rows[row[ITEM]].append((row["digest"], box_of(row), vector))
        return {
            item: TiledPicture(item, tiles[0][0], [box for _, box, _ in tiles], np.stack([v for _, _, v in tiles]))
            for item, tiles in rows.items()
        }


def box_of(row: Mapping[str, int]) -> Box:
    """Return the box of a row of the table."""
    return row["x"], row["y"], row["width"], row["height"]


def _ids(items: Iterable[int]) -> list[str]:
    return [f"{item}/{number}" for item in items for number in range(TILES)]


def _records(pictures: Sequence[TiledPicture]) -> list[Record]:
    return [
        Record(
            id=f"{picture.item}/{number}",
            uri="",
            digest=picture.digest,
            stamp="",
            size=0,
            attributes={ITEM: picture.item, **dict(zip(BOX, box, strict=True))},
        )
        for picture in pictures
        for number, box in enumerate(picture.boxes)
    ]


def _vectors(pictures: Sequence[TiledPicture]) -> Vectors:
    return np.concatenate([picture.vectors for picture in pictures])


def _pairs(batches: Iterable[pa.RecordBatch], item: str) -> npt.NDArray[np.void]:
    parts = [np.empty(0, _PAIR)]
    for batch in batches:
        part = np.empty(len(batch), _PAIR)
        part["item"] = batch[item].to_numpy()
        part["digest"] = [int(digest[:16], 16) for digest in batch["digest"].to_pylist()]
        parts.append(part)
    return np.concatenate(parts)
