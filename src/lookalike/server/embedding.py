"""What clients ask a gallery with, embedded; pictures together with those of other requests."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lookalike.encoders.precomputed import NAME as PRECOMPUTED
from lookalike.encoders.staging import decode_for, encode_prepared, prepare
from lookalike.errors import InputError, SourceError
from lookalike.images.decode import cut_out
from lookalike.search.notation import ITEM
from lookalike.search.query import QueryResolver, ResolvedQuery, cropped_name, joined
from lookalike.search.terms import Kind
from lookalike.server.encoding import EncodingQueue
from lookalike.server.problems import RefusedError
from lookalike.sources.fetch import FetchLimits, fetch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    import numpy.typing as npt

    from lookalike.api.gallery import Gallery
    from lookalike.images.decode import Pixels
    from lookalike.images.region import Region
    from lookalike.search.terms import Query, Term
    from lookalike.server.workers import Workers

T = TypeVar("T")

_FETCH_SECONDS, _SILENCE = 10.0, 5.0


async def all_of(work: Iterable[Awaitable[T]]) -> list[T]:
    """Return all results; raise the first failure once all have ended, as what goes on still takes its room."""
    done = await asyncio.gather(*work, return_exceptions=True)
    for result in done:
        if isinstance(result, BaseException):
            raise result
    return [result for result in done if not isinstance(result, BaseException)]


class QueryEmbedder:
    """Embeds queries for one gallery of a server.

    Parameters
    ----------
    gallery : used by several threads.
    workers : those of the server.
    """

    def __init__(self, gallery: Gallery, workers: Workers) -> None:
        self._gallery = gallery
        self._workers = workers
        self._limits = workers.options.limits
        self._lock = threading.Lock()
        self._encoding: EncodingQueue | None = None

    def start(self) -> None:
        """Load the encoder, and embed one picture and two, which some encoders compile something for.

        Raises
        ------
        LookalikeError : if the gallery or its encoder cannot be used.
        """
        if self._gallery.spec.name == PRECOMPUTED:
            return
        self._queue()
        if "image" in self._gallery.spec.modalities:
            blank = prepare(self._gallery.encoder, np.zeros((64, 64, 3), np.uint8))
            for count in (1, 2):
                encode_prepared(self._gallery.encoder, [blank] * count)

    def close(self) -> None:
        """Embed what was asked for, and end."""
        if self._encoding is not None:
            self._encoding.close()

    async def embedded(self, query: Query) -> ResolvedQuery | str:
        """Return a query with its embedding; for an item its id, which the search looks up."""
        first = query.terms[0]
        if len(query.terms) == 1 and first.kind is Kind.ID and first.crop is None and first.weight > 0:
            return str(first.what)
        resolved = await all_of(map(self._resolved, query.terms))
        return joined(resolved, [term.weight for term in query.terms])

    async def _resolved(self, term: Term) -> ResolvedQuery:
        what, crop = term.what, term.crop
        if term.kind is Kind.IMAGE:
            return await self._picture("image", what, crop=crop)
        if term.kind is Kind.URL:
            return await self._picture(what, await self._fetch(what), item=what, crop=crop)
        if term.kind is Kind.TEXT:
            return await self._workers.do("search", partial(self._text, what))
        if term.kind is Kind.VECTOR:
            return self._resolver().resolve(what)
        if term.kind is Kind.ID and crop is None:
            return await self._workers.do("search", partial(self.item, what))
        if term.kind is Kind.ID:
            data = await self._workers.do("decode", partial(self._original, what))
            return await self._picture(f"{ITEM}{what}", data, item=what, crop=crop)
        msg = f"a server is not asked with a {term.kind.value if term.kind else 'nothing'}; send its bytes"
        raise InputError(msg)

    async def _picture(
        self, name: str, data: bytes, *, item: str | None = None, crop: Region | None = None
    ) -> ResolvedQuery:
        picture, prepared, encoding = await self._workers.do("decode", partial(self._prepare, data, crop))
        vector = await asyncio.wrap_future(encoding.submit(prepared))
        items = () if item is None else (item,)
        return ResolvedQuery(cropped_name(name, crop), vector, items, picture)

    async def _fetch(self, url: str) -> bytes:
        if not self._workers.options.allows_urls:
            raise RefusedError(403, "UrlsOffError", "this server fetches no pictures from the web; send the bytes")
        limits = FetchLimits(self._limits.max_bytes, _FETCH_SECONDS, _SILENCE, tries=1)
        try:
            return await self._workers.do("fetch", partial(fetch, url, limits=limits, public_only=True))
        except SourceError as error:  # of what the client named, and no picture of the server's
            raise RefusedError(422, "SourceError", str(error)) from error

    def _prepare(self, data: bytes, crop: Region | None) -> tuple[bytes | Pixels, npt.NDArray[Any], EncodingQueue]:
        """Return the picture that is asked with, what the encoder takes of it, and who embeds that."""
        self.check_modality("image", "pictures")
        encoder = self._gallery.encoder
        if crop is None:
            return data, prepare(encoder, decode_for(encoder, data, self._limits).pixels), self._queue()
        part = cut_out(data, crop, limits=self._limits)
        return part, prepare(encoder, part), self._queue()

    def item(self, item: str) -> ResolvedQuery:
        """Return an item of the gallery as a query; see :meth:`lookalike.search.query.QueryResolver.item`."""
        return self._resolver().item(item)

    def _original(self, item: str) -> bytes:
        self._gallery.store.refresh()
        return self._resolver().original(item)

    def _text(self, text: str) -> ResolvedQuery:
        self.check_modality("text", "words")
        return self._resolver().text(text)

    def _resolver(self) -> QueryResolver:
        return QueryResolver(self._gallery.store, lambda: self._gallery.encoder, self._limits)

    def check_modality(self, modality: str, what: str) -> None:
        """Raise InputError if the gallery's encoder does not embed that."""
        if modality not in self._gallery.spec.modalities:
            known = " and ".join([*self._gallery.spec.modalities, "ids and vectors"])
            msg = f"the encoder of this gallery embeds no {what}; ask with {known}"
            raise InputError(msg)

    def _queue(self) -> EncodingQueue:
        encoder = self._gallery.encoder
        with self._lock:
            if self._encoding is None:
                self._encoding = EncodingQueue(encoder, self._workers.metrics.batch)
            return self._encoding
