"""What a user may ask with, and its embedding."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.arrays import as_vectors, normalised
from lookalike.encoders.base import TextEncoder
from lookalike.encoders.staging import embed_image
from lookalike.errors import ImageDecodeError, InputError, SourceError, UnknownItemError
from lookalike.gallery.lance_store import embedding_matrix
from lookalike.gallery.record import EMBEDDING
from lookalike.images.decode import DEFAULT_LIMITS, Limits, as_pixels, cut_out
from lookalike.images.pillow_files import encoded_file
from lookalike.images.reading import read_picture
from lookalike.search.expression import parse_query
from lookalike.search.item_picture import read_original
from lookalike.search.items import item_named
from lookalike.search.notation import ITEM, names_file
from lookalike.search.terms import Kind, Query, Term
from lookalike.search.uris import full_uri
from lookalike.sources.fetch import FetchLimits, fetch
from lookalike.sources.names import anchored, item_id, original, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import pyarrow as pa

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import Encoder
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.images.decode import Pixels
    from lookalike.images.region import Region
    from lookalike.search.hit import Hit

_SMALLEST_SUM = 1e-6
"""Of the sum of all weights: what is shorter is rounding error, and points nowhere."""


@dataclass(frozen=True, slots=True)
class ResolvedQuery:
    """A query, embedded."""

    name: str
    """For people."""
    vector: Vectors
    """Shape (1, dim)."""
    item_ids: tuple[str, ...] = ()
    """What the items of the gallery that were asked with would be called, whether or not they are in it."""
    picture: bytes | Pixels | None = None
    """The query as encoded bytes or pixels, if it is a picture."""
    is_text: bool = False
    """Whether words were asked with: their scores compare with each other, not with those of pictures."""
    parts: tuple[ResolvedQuery, ...] = ()
    """The terms, if it has several."""


@dataclass(frozen=True, slots=True)
class QueryFile:
    """A picture's file that is asked with."""

    name: str
    """For people."""
    item: str
    """What its item would be called."""
    read: Callable[[], bytes]


class QueryResolver:
    """Embeds queries for one gallery.

    Parameters
    ----------
    store : the gallery.
    encoder : returns its encoder; asked for only if a query needs it.
    limits : larger pictures are refused.
    file : returns what a path names; by default, the file of this process that is there when it is read.
    """

    def __init__(
        self,
        store: LanceStore,
        encoder: Callable[[], Encoder],
        limits: Limits = DEFAULT_LIMITS,
        file: Callable[[Path], QueryFile] | None = None,
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._limits = limits
        self._base = store.location.base
        self._file = file or self._own_file

    def resolve(self, query: Any) -> ResolvedQuery:
        """Embed a query.

        Parameters
        ----------
        query : a :class:`lookalike.search.terms.Query`; a ``str`` that :func:`lookalike.search.expression.parse_query`
            reads; a :class:`lookalike.search.terms.Term`, or what it is made of; or a query that is embedded already. A
            PIL image goes by the bytes of its file until its pixels are loaded. A region is cut out of a picture that
            was decoded in full.

        Raises
        ------
        InputError : if it is none of these, a text and the encoder has no text side, or if its terms cancel out.
        SourceError : if a file cannot be read, or a URL not fetched.
        ImageDecodeError : if its bytes are no readable picture.
        """
        if isinstance(query, str):
            return self._expression(query)
        if isinstance(query, Query):
            return self._query(query)
        if isinstance(query, ResolvedQuery):
            return query
        return self._query(Query([query]))

    def parse(self, text: str, is_file: Callable[[str], bool] = names_file) -> Query:
        """Return the query that a text means in this gallery; see :func:`lookalike.search.expression.parse_query`."""
        return parse_query(text, is_item=self._store.has, is_file=is_file)

    def picture(
        self, name: str, picture: bytes | Pixels, item_id: str | None = None, *, crop: Region | None = None
    ) -> ResolvedQuery:
        """Embed a picture.

        Parameters
        ----------
        name : what it is called.
        picture : the bytes of an image file, or pixels.
        item_id : what its item is called, if it may be one of the gallery.
        crop : only this part of it.

        Raises
        ------
        InputError : if that part is empty.
        ImageDecodeError : if its bytes are no readable picture.
        """
        if crop is not None:
            picture = cut_out(picture, crop, limits=self._limits)
        vector = embed_image(self._encoder(), picture, self._limits)
        return ResolvedQuery(cropped_name(name, crop), vector, () if item_id is None else (item_id,), picture)

    def text(self, text: str) -> ResolvedQuery:
        """Embed words.

        Raises
        ------
        InputError : if the encoder has no text side.
        """
        encoder = self._encoder()
        if not isinstance(encoder, TextEncoder):
            is_folder = os.path.isdir(text)  # noqa: PTH112 - never raises
            msg = (
                f"{text!r} is {'a folder' if is_folder else 'no file'}, and the encoder of this gallery "
                f"({encoder.spec.name}) has no text side to look for words with: name an image, "
                f"{f'or each of the folder as {text}/, ' if is_folder else ''}or index with a CLIP or SigLIP model"
            )
            raise InputError(msg)
        return ResolvedQuery(text, encoder.encode_texts([text]), is_text=True)

    def item(self, item_id: str) -> ResolvedQuery:
        """Return an item of the gallery as a query.

        Raises
        ------
        UnknownItemError : if there is none of that id.
        """
        row = self._row(item_id, [EMBEDDING])
        return ResolvedQuery(f"{ITEM}{item_id}", embedding_matrix(row[EMBEDDING]), (item_id,))

    def hit(self, item_id: str) -> Hit:
        """Return an item of the gallery as a hit that nobody has scored; raises as :meth:`item` does."""
        found = item_named(item_id, self._store)
        if found is None:
            raise UnknownItemError(item_id, self._hint(item_id))
        return found

    def original(self, item_id: str) -> bytes:
        """Return the whole picture of an item; see :func:`lookalike.search.item_picture.read_original`.

        Raises
        ------
        UnknownItemError : if there is no item of that id.
        SourceError : if its picture is gone, is another, or is no file of its own.
        ImageDecodeError : if the file is above the limit.
        """
        row = self._row(item_id, ["uri", "digest"])
        return read_original(full_uri(row["uri"][0].as_py(), self._base), row["digest"][0].as_py(), self._limits)

    def _expression(self, text: str) -> ResolvedQuery:
        query = self.parse(text)
        try:
            return self._query(query)
        except (InputError, SourceError) as error:
            if len(query.terms) == 1:
                raise
            note = f" (a term of {text!r}, which is not the name of a file either)"
            if isinstance(error, SourceError):
                raise SourceError(error.uri, error.reason + note) from error
            raise InputError(str(error) + note) from error

    def _query(self, query: Query) -> ResolvedQuery:
        return joined([self._term(term) for term in query.terms], [term.weight for term in query.terms])

    def _term(self, term: Term) -> ResolvedQuery:
        what, crop = term.what, term.crop
        if term.kind is Kind.FILE:
            file = self._file(what)
            return self._named(file.name, file.read, file.item, crop)
        if term.kind is Kind.URL:
            return self._named(what, lambda: self._fetch(what), what, crop)
        if term.kind is Kind.ID:
            return self._item(what, crop)
        if term.kind is Kind.TEXT:
            return self.text(what)
        if term.kind is Kind.VECTOR:
            return ResolvedQuery("vector", _vector(np.asarray(what), self._store.manifest.dim))
        data = bytes(what) if isinstance(what, (bytes, bytearray, memoryview)) else encoded_file(what)
        picture = as_pixels(what, limits=self._limits) if data is None else data
        return self.picture("image", picture, crop=crop)

    def _named(self, name: str, load: Callable[[], bytes], item_id: str, crop: Region | None) -> ResolvedQuery:
        try:
            return self.picture(name, load(), item_id, crop=crop)
        except ImageDecodeError as error:
            reason = f"{name}: {error.reason}"
            raise ImageDecodeError(reason) from error

    def _own_file(self, path: Path) -> QueryFile:
        return QueryFile(
            printable(str(path)), item_id(anchored(path, self._base), self._base), lambda: self._read(path)
        )

    def _read(self, path: Path) -> bytes:
        try:
            return read_picture(path, self._limits)
        except SourceError as error:
            raise SourceError(printable(error.uri), error.reason) from error

    def _fetch(self, url: str) -> bytes:
        return fetch(url, limits=FetchLimits(max_bytes=self._limits.max_bytes))

    def _item(self, item_id: str, crop: Region | None) -> ResolvedQuery:
        if crop is None:
            return self.item(item_id)
        return self._named(f"{ITEM}{item_id}", lambda: self.original(item_id), item_id, crop)

    def _row(self, item_id: str, columns: Sequence[str]) -> pa.Table:
        row = self._store.find(item_id, columns)
        if len(row) == 0:
            raise UnknownItemError(item_id, self._hint(item_id))
        return row

    def _hint(self, name: str) -> str:
        meant = item_id(anchored(original(name), self._base), self._base)
        if self._store.has(meant):  # it was given as a path from the working directory
            return f"did you mean {ITEM + meant!r}?"
        return f"ids of files are paths relative to {self._base}, and `lookalike search FILE` lists some"


def joined(resolved: Sequence[ResolvedQuery], weights: Sequence[float]) -> ResolvedQuery:
    """Return the query that stands for several; one alone, with a weight above 0, is returned as it is.

    Raises
    ------
    InputError : if they cancel out.
    """
    if len(resolved) == 1 and weights[0] > 0:
        return resolved[0]
    name = joined_name([term.name for term in resolved], weights)
    vector = combined(np.concatenate([term.vector for term in resolved]), weights)
    has_words = any(term.is_text for term in resolved)
    items = tuple(item for term in resolved for item in term.item_ids)
    return ResolvedQuery(name, vector, items, is_text=has_words, parts=tuple(resolved))


def _vector(query: npt.NDArray[Any], dim: int) -> Vectors:
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused with it
        vector = query.astype(np.float32)
    if not np.isfinite(vector).all():
        msg = "the vector to search with is not finite (NaN, infinity, or beyond float32); pass finite numbers"
        raise InputError(msg)
    return as_vectors(vector, dim=dim)


def combined(vectors: Vectors, weights: Sequence[float]) -> Vectors:
    """Return the vector that stands for several: the weighted sum of their directions, of their mean length.

    Parameters
    ----------
    vectors : shape (n, dim).
    weights : n numbers; what is weighted below 0 is led away from.

    Returns
    -------
    Shape (1, dim). Its length, the mean of theirs by the size of their weights, says nothing to cosine, and keeps it
    comparable by other metrics.

    Raises
    ------
    InputError : if the sum is zero.

    Notes
    -----
    J. J. Rocchio, Relevance feedback in information retrieval, in The SMART Retrieval System, 1971, pages 313-323.
    """
    factors = np.asarray(weights, np.float64)
    factors = factors / np.abs(factors).max()  # only their ratios matter, and squares of the largest would overflow
    total = factors @ normalised(vectors).astype(np.float64)
    length = float(np.linalg.norm(total))
    if length <= _SMALLEST_SUM * np.abs(factors).sum():
        msg = "the terms of the query cancel each other out: their weighted sum is zero; change a weight or a term"
        raise InputError(msg)
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    return as_vectors(total * (np.average(lengths, weights=np.abs(factors)) / length))


def cropped_name(name: str, crop: Region | None) -> str:
    """Return what a part of a picture is called; None: all of it."""
    return name if crop is None else f"{name} [{crop}]"


def joined_name(names: Sequence[str], weights: Sequence[float]) -> str:
    """Return what several terms with weights are called together."""
    text = ""
    for name, weight in zip(names, weights, strict=True):
        size = "" if abs(weight) == 1 else f"{abs(weight):g}:"
        sign = "- " if weight < 0 else "+ " if text else ""
        text += f"{' ' if text else ''}{sign}{size}{name}"
    return text
