"""The tiles of the pictures in a gallery: a table of their own, searched as the items are, and kept in step with them.

A tile names the stable id of its item's row and the digest of the picture that it was cut out of. All tiles of a
picture are committed at once, so each has all of them or none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookalike.gallery.lance_store import LanceStore, embedding_matrix
from lookalike.gallery.manifest import Manifest
from lookalike.gallery.record import EMBEDDING, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.images.region import Box

ITEM = "item"
BOX = ("x", "y", "width", "height")
_PAIR = np.dtype([("item", np.uint64), ("digest", np.uint64)])
_COPIED_AT_ONCE = 64


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

    def missing(self) -> npt.NDArray[np.uint64]:
        """Return the stable ids of the items that have no tiles of what they are now; ascending."""
        items = _pairs(self._items, "_rowid")
        return np.sort(np.setdiff1d(items, _pairs(self.store, ITEM))["item"])

    def put(self, pictures: Sequence[TiledPicture]) -> None:
        """Add the tiles of pictures, in place of those that their items have, in one commit.

        Raises
        ------
        StoreError : if they cannot be written.
        """
        if pictures:
            records = [record for picture in pictures for record in _records(picture)]
            self.store.upsert(records, np.concatenate([picture.vectors for picture in pictures]))

    def copy_known(self) -> int:
        """Give items the tiles of others with the same bytes, such as what they were called before; say how many."""
        tiles = _pairs(self.store, ITEM)
        order = np.argsort(tiles["digest"], kind="stable")
        digests = tiles["digest"][order]
        missing = np.setdiff1d(_pairs(self._items, "_rowid"), tiles)
        known = missing[np.isin(missing["digest"], digests)]
        rows = self.store.row_ids()
        for start in range(0, len(known), _COPIED_AT_ONCE):
            pictures = []
            for item, digest in known[start : start + _COPIED_AT_ONCE].tolist():
                wanted = np.uint64(digest)
                first, last = np.searchsorted(digests, wanted, "left"), np.searchsorted(digests, wanted, "right")
                same = order[first:last]
                pictures.append(self._copied(item, rows[same[tiles["item"][same] == tiles["item"][same[0]]]]))
            self.put(pictures)
        return len(known)

    def drop_stale(self) -> int:
        """Drop the tiles of items that were changed or removed, and say of how many."""
        stale = np.unique(np.setdiff1d(_pairs(self.store, ITEM), _pairs(self._items, "_rowid"))["item"])
        if len(stale):
            parts = [
                np.array(batch["id"].to_pylist(), object)[np.isin(batch[ITEM].to_numpy().astype(np.uint64), stale)]
                for batch in self.store.scan(["id", ITEM])
            ]
            self.store.delete(np.concatenate(parts).tolist())
        return len(stale)

    def _copied(self, item: int, rows: npt.NDArray[np.uint64]) -> TiledPicture:
        table = self.store.take_in_order(rows, ["digest", EMBEDDING, *BOX])
        boxes = list(zip(*(table[name].to_pylist() for name in BOX), strict=True))
        return TiledPicture(item, table["digest"][0].as_py(), boxes, embedding_matrix(table[EMBEDDING]))


def _records(picture: TiledPicture) -> list[Record]:
    return [
        Record(
            id=f"{picture.item}/{number}",
            uri="",
            digest=picture.digest,
            stamp="",
            size=0,
            attributes={ITEM: picture.item, **dict(zip(BOX, box, strict=True))},
        )
        for number, box in enumerate(picture.boxes)
    ]


def _pairs(store: LanceStore, item: str) -> npt.NDArray[np.void]:
    """Return the item that each row is or is of, with 64 bits of its digest; shape (n,), in the order of the table."""
    columns = ["digest"] if item == "_rowid" else ["digest", item]
    parts = [np.empty(0, _PAIR)]
    for batch in store.scan(columns) if len(store) else ():
        part = np.empty(len(batch), _PAIR)
        part["item"] = batch[item].to_numpy()
        part["digest"] = [int(digest[:16], 16) for digest in batch["digest"].to_pylist()]
        parts.append(part)
    return np.concatenate(parts)
