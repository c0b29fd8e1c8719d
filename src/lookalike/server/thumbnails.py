"""Small pictures of items, made when they are asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lookalike.images.decode import decode
from lookalike.images.transforms import encode_jpeg, thumbnail
from lookalike.search.hit import Hit
from lookalike.search.uris import full_uri

if TYPE_CHECKING:
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
        store.refresh()
        rows = store.find(item, ["uri", "digest"]).to_pylist()
        if not rows:
            return None
        key = (item, rows[0]["digest"])
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        hit = Hit(1, item, full_uri(rows[0]["uri"], store.location.base), 0.0, {}, rows[0]["digest"])
        pixels = decode(self._gallery.read(hit), min_side=_SIDE, limits=self._limits).pixels
        made = Thumbnail(hit.digest, encode_jpeg(thumbnail(pixels, _SIDE)))
        self._keep(key, made)
        return made

    def _keep(self, key: tuple[str, str], made: Thumbnail) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = made
            self._bytes += len(made.jpeg)
            while self._bytes > _MOST_BYTES:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= len(dropped.jpeg)
