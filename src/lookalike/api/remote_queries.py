"""What a server is sent of a query."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import InputError
from lookalike.images.decode import DEFAULT_LIMITS, as_pixels
from lookalike.images.pillow_files import encoded_file
from lookalike.images.reading import read_picture
from lookalike.images.transforms import encode_png
from lookalike.search.terms import Kind, Term
from lookalike.sources.fetch import fetch
from lookalike.sources.names import printable

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class SentQuery:
    """A query as a server takes it."""

    name: str
    """For people."""
    values: Mapping[str, Any]
    """See :class:`lookalike.server.schemas.Query`."""
    picture: bytes | None = None
    """The file, if it is a picture."""


def sent(query: Any) -> SentQuery:
    """Return what is sent of a query, whose file or URL is read here.

    Parameters
    ----------
    query : see :meth:`lookalike.api.gallery.Gallery.search`.

    Raises
    ------
    InputError : if it is no query.
    SourceError : if its file cannot be read, or its URL not fetched.
    """
    if isinstance(query, Path):
        return _file(query)
    if isinstance(query, str):
        return _named(query)
    data = bytes(query) if isinstance(query, (bytes, bytearray, memoryview)) else encoded_file(query)
    if data is not None:
        return _picture("image", data)
    if isinstance(query, np.ndarray) and query.ndim == 1 and query.dtype.kind in "fiu":
        if not np.isfinite(query).all():
            msg = "the vector to search with is not finite (NaN or infinity); pass finite numbers"
            raise InputError(msg)
        return SentQuery("vector", {"vector": query.tolist()})
    return _picture("image", encode_png(as_pixels(query)))


def in_base64(data: bytes) -> str:
    """Return bytes as JSON holds them."""
    return base64.b64encode(data).decode()


def _named(query: str) -> SentQuery:
    term = Term(query)
    if term.kind is Kind.ID:
        return SentQuery(query, {"id": term.what})
    if term.kind is Kind.URL:
        return _picture(query, fetch(query))
    return _file(term.what) if term.kind is Kind.FILE else SentQuery(query, {"text": query})


def _file(path: Path) -> SentQuery:
    return _picture(printable(str(path)), read_picture(path, DEFAULT_LIMITS))


def _picture(name: str, data: bytes) -> SentQuery:
    return SentQuery(name, {"image": in_base64(data)}, data)
