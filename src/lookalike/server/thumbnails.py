"""Small pictures of items, made when they are asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lookalike.images.decode import decode
from lookalike.images.transforms import encode_jpeg, thumbnail
from lookalike.search.items import as_hits, item_columns

if TYPE_CHECKING:
    import pyarrow as pa

    from lookalike.api.gallery import Gallery
    from lookalike.images.limits import Limits

_SIDE = 256
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A JPEG, and what it was made of."""

    digest: str
    """Of the picture."""
    jpeg: bytes


class Thumbnails:
    """Thumbnails of one gallery; those that were asked for last are kept, 64 MB of them."""

    def __init__(self, gallery: Gallery, limits: Limits) -> None:
        self._gallery = gallery
        self._limits = limits
        self._kept: OrderedDict[tuple[str, str], Thumbnail] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, item: str) -> Thumbnail | None:
        """Return the thumbnail of an item; None if there is no such item.

        Raises
        ------
        SourceError : if its picture cannot be read any more, or has changed.
        ImageDecodeError : if it is above the limits.
        StoreError : if the gallery cannot be read.
        """
        store = self._gallery.store
        rows = self._row(item)
        if len(rows) == 0:
            return None
        key = (item, rows["digest"][0].as_py())
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        data = self._gallery.read(as_hits(rows, store)[0])
        pixels = decode(data, min_side=_SIDE, limits=self._limits).pixels
        made = Thumbnail(key[1], encode_jpeg(thumbnail(pixels, _SIDE)))
        self._keep(key, made)
        return made

    def in_full(self, item: str) -> bytes | None:
        """Return the upright picture of an item as a JPEG without metadata; None and errors as :meth:`get`."""
        rows = self._row(item)
        if len(rows) == 0:
            return None
        data = self._gallery.read(as_hits(rows, self._gallery.store)[0])
        return encode_jpeg(decode(data, limits=self._limits).pixels, quality=92)

    def _row(self, item: str) -> pa.Table:
        store = self._gallery.store
        store.refresh()
        return store.find(item, item_columns(store))

    def _keep(self, key: tuple[str, str], made: Thumbnail) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = made
            self._bytes += len(made.jpeg)
            while self._bytes > _MOST_BYTES:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= len(dropped.jpeg)
