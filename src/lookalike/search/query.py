"""What a user may ask with, and its embedding."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import numpy as np

from lookalike.arrays import as_vectors
from lookalike.encoders.base import TextEncoder
from lookalike.encoders.staging import embed_image
from lookalike.errors import ImageDecodeError, InputError, SourceError
from lookalike.gallery.lance_store import embedding_matrix
from lookalike.gallery.record import EMBEDDING
from lookalike.images.decode import DEFAULT_LIMITS, Limits, as_pixels
from lookalike.images.formats import has_image_suffix
from lookalike.images.pillow_files import encoded_file
from lookalike.images.reading import read_picture
from lookalike.sources.fetch import FetchLimits, fetch, is_web_url
from lookalike.sources.names import anchored, item_id, original, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import Encoder
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.images.decode import Pixels

_ITEM = "id:"
_FILE = "file:"


@dataclass(frozen=True, slots=True)
class ResolvedQuery:
    """A query, embedded."""

    name: str
    """For people."""
    vector: Vectors
    """Shape (1, dim)."""
    item_id: str | None = None
    """The item of the gallery that the query is, if it is one."""
    picture: bytes | Pixels | None = None
    """The query as encoded bytes or pixels, if it is a picture."""
    is_text: bool = False
    """Whether words were asked with: their scores compare with each other, not with those of pictures."""


class QueryResolver:
    """Embeds queries for one gallery; the encoder is loaded only if a query needs it."""

    def __init__(self, store: LanceStore, encoder: Callable[[], Encoder], limits: Limits = DEFAULT_LIMITS) -> None:
        self._store = store
        self._encoder = encoder
        self._limits = limits
        self._base = store.location.base

    def resolve(self, query: Any) -> ResolvedQuery:
        """Embed a query.

        Parameters
        ----------
        query : a path, a ``file:``, ``http:`` or ``https:`` URL, an ``id:ID`` of the gallery or a text as ``str``; a
            ``Path``; the bytes of an image file; a PIL image; an array of pixels of shape (h, w), (h, w, 3) or (h, w,
            4); or a vector of shape (dim,), finite. A string is a path if it names a file, has the suffix of an image
            or holds a path separator, and a text otherwise. A PIL image goes by the bytes of its file until its pixels
            are loaded.

        Raises
        ------
        InputError : if it is none of these, or a text and the encoder has no text side.
        SourceError : if its file cannot be read, or its URL not fetched.
        ImageDecodeError : if its bytes are no readable picture.
        """
        if isinstance(query, Path):
            return self._file(query)
        if isinstance(query, str):
            return self._string(query)
        data = bytes(query) if isinstance(query, (bytes, bytearray, memoryview)) else encoded_file(query)
        if data is not None:
            return ResolvedQuery("image", embed_image(self._encoder(), data, self._limits), picture=data)
        if isinstance(query, np.ndarray) and query.ndim == 1 and query.dtype.kind in "fiu":
            return ResolvedQuery("vector", _vector(query, self._store.manifest.dim))
        pixels = as_pixels(query, limits=self._limits)
        return ResolvedQuery("image", embed_image(self._encoder(), pixels), picture=pixels)

    def _string(self, query: str) -> ResolvedQuery:
        if query.startswith(_ITEM):
            return self._item(query[len(_ITEM) :])
        if is_web_url(query):
            data = fetch(query, limits=FetchLimits(max_bytes=self._limits.max_bytes))
            return self._picture(query, data, query)
        if query[: len(_FILE)].lower() == _FILE:
            return self._file(_path_of_url(query))
        if _is_path(query):
            return self._file(Path(os.path.expanduser(query)))  # noqa: PTH111 - never raises
        return self._text(query)

    def _file(self, path: Path) -> ResolvedQuery:
        try:
            data = read_picture(path, self._limits)
        except SourceError as error:
            raise SourceError(printable(error.uri), error.reason) from error
        return self._picture(printable(str(path)), data, item_id(anchored(path, self._base), self._base))

    def _picture(self, name: str, data: bytes, item_id: str) -> ResolvedQuery:
        try:
            vector = embed_image(self._encoder(), data, self._limits)
        except ImageDecodeError as error:
            reason = f"{name}: {error.reason}"
            raise ImageDecodeError(reason) from error
        return ResolvedQuery(name, vector, item_id, data)

    def _item(self, item_id: str) -> ResolvedQuery:
        row = self._store.find(item_id, [EMBEDDING])
        if len(row) == 0:
            raise InputError(self._unknown(item_id))
        return ResolvedQuery(f"{_ITEM}{item_id}", embedding_matrix(row[EMBEDDING]), item_id)

    def _unknown(self, name: str) -> str:
        problem = f"the gallery has no item with the id {name!r}"
        meant = item_id(anchored(original(name), self._base), self._base)
        if len(self._store.find(meant, [])):  # it was given as a path from the working directory
            return f"{problem}; did you mean {_ITEM + meant!r}?"
        return f"{problem}; ids of files are paths relative to {self._base}, and `lookalike search FILE` lists some"

    def _text(self, text: str) -> ResolvedQuery:
        encoder = self._encoder()
        if not isinstance(encoder, TextEncoder):
            what = "a folder" if os.path.isdir(text) else "no file"  # noqa: PTH112 - never raises
            msg = (
                f"{text!r} is {what}, and the encoder of this gallery ({encoder.spec.name}) has no text side to look "
                "for words with: name an image, or index with a CLIP or SigLIP model"
            )
            raise InputError(msg)
        return ResolvedQuery(text, encoder.encode_texts([text]), is_text=True)


def _vector(query: npt.NDArray[Any], dim: int) -> Vectors:
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused with it
        vector = query.astype(np.float32)
    if not np.isfinite(vector).all():
        msg = "the vector to search with is not finite (NaN, infinity, or beyond float32); pass finite numbers"
        raise InputError(msg)
    return as_vectors(vector, dim=dim)


def _path_of_url(url: str) -> Path:
    """Return the path in a ``file:`` URL (RFC 8089)."""
    rest = url[len(_FILE) :]
    if rest.startswith("//"):
        host, _, path = rest[2:].partition("/")
        if host.lower() not in ("", "localhost"):
            msg = f"{url} names a file of another machine ({host}); name a file of this one, as file:///PATH"
            raise InputError(msg)
        rest = f"/{path}"
    return Path(os.fsdecode(unquote_to_bytes(rest)))


def _is_path(text: str) -> bool:
    # unlike those of Path, these functions take any text, however long
    own = os.path.expanduser(text)  # noqa: PTH111
    return os.path.isfile(own) or has_image_suffix(text) or "/" in text or Path(own).name != text  # noqa: PTH113
