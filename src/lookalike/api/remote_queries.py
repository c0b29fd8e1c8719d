"""What a server is sent of a query."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import InputError
from lookalike.images.decode import DEFAULT_LIMITS, as_pixels
from lookalike.images.pillow_files import encoded_file
from lookalike.images.reading import read_picture
from lookalike.images.transforms import encode_png
from lookalike.search.expression import parse_query
from lookalike.search.notation import ITEM
from lookalike.search.query import cropped_name, joined_name
from lookalike.search.terms import Kind, Query, Term
from lookalike.sources.fetch import fetch
from lookalike.sources.names import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class SentQuery:
    """A query as a server takes it."""

    name: str
    """For people."""
    values: Mapping[str, Any]
    """See :class:`lookalike.server.schemas.Query`."""
    picture: bytes | None = None
    """The file, if it is a whole picture."""

    @property
    def size(self) -> tuple[int, int]:
        """How many queries to a server it is, and the bytes of its pictures, about."""
        terms = self.values.get("terms", [self.values])
        return len(terms), sum(len(term.get("image", "")) for term in terms)


def sent(query: Any, is_item: Callable[[str], bool]) -> SentQuery:
    """Return what is sent of a query, whose files and URLs are read here.

    Parameters
    ----------
    query : see :meth:`lookalike.api.gallery.Gallery.search`.
    is_item : whether the gallery has an item of that id.

    Raises
    ------
    InputError : if it is no query.
    SourceError : if a file cannot be read, or a URL not fetched.
    """
    if isinstance(query, str):
        query = parse_query(query, is_item=is_item)
    elif not isinstance(query, Query):
        query = Query([query])
    named = [_read(term) for term in query.terms]
    terms = [term for _, term in named]
    names = [cropped_name(name, term.crop) for name, term in named]
    if len(terms) == 1 and terms[0].weight > 0:
        values = {name: value for name, value in terms[0].to_dict().items() if name != "weight"}
        picture = terms[0].what if terms[0].kind is Kind.IMAGE and terms[0].crop is None else None
        return SentQuery(names[0], values, picture)
    return SentQuery(joined_name(names, [term.weight for term in terms]), Query(terms).to_dict())


def in_base64(data: bytes) -> str:
    """Return bytes as JSON holds them."""
    return base64.b64encode(data).decode()


def _read(term: Term) -> tuple[str, Term]:
    """Return what a term is called, and itself with the bytes of its picture."""
    what = term.what
    if term.kind is Kind.FILE:
        return printable(str(what)), _picture(term, read_picture(what, DEFAULT_LIMITS))
    if term.kind is Kind.URL:
        return what, _picture(term, fetch(what))
    if term.kind is Kind.ID:
        return f"{ITEM}{what}", term
    if term.kind is Kind.TEXT:
        return what, term
    if term.kind is Kind.VECTOR:
        if not np.isfinite(what).all():
            msg = "the vector to search with is not finite (NaN or infinity); pass finite numbers"
            raise InputError(msg)
        return "vector", term
    data = bytes(what) if isinstance(what, (bytes, bytearray, memoryview)) else encoded_file(what)
    return "image", _picture(term, encode_png(as_pixels(what)) if data is None else data)


def _picture(term: Term, data: bytes) -> Term:
    return Term(data, term.weight, term.crop, Kind.IMAGE)
