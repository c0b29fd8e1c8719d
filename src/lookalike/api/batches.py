"""Many queries: texts as a user writes them, and each picture of a folder or a data set."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from lookalike.building.report import Failure
from lookalike.errors import InputError
from lookalike.gallery.skipped_store import CLOSED_FOLDER
from lookalike.search.notation import HUB
from lookalike.search.terms import Kind, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lookalike.api.gallery import Gallery
    from lookalike.api.hits import Hits
    from lookalike.images.ref import ImageRef
    from lookalike.images.region import Region
    from lookalike.search.options import SearchOptions
    from lookalike.search.query import QueryResolver, ResolvedQuery
    from lookalike.sources.base import Source

_AT_ONCE = 32
"""Queries whose pictures are in memory together."""


@dataclass(frozen=True, slots=True)
class Batch:
    """How many queries are answered; see :meth:`lookalike.api.gallery.Gallery.search_each`."""

    gallery: Gallery
    k: int
    options: SearchOptions | None = None
    crop: Region | None = None
    include_self: bool = False
    on_failure: Callable[[Failure], None] = lambda _: None

    def to_texts(self, texts: Sequence[str]) -> Iterator[Hits]:
        """Answer queries as a user writes them; one that names a collection stands for each of its pictures.

        Raises
        ------
        LookalikeError : for the first that cannot be asked, before those that come together with it are answered.
        """
        for is_many, group in groupby(texts, is_collection):
            if is_many:
                for text in group:
                    yield from self.to_each(text)
            else:
                parse = self.gallery.resolver().parse
                queries = [text if self.crop is None else parse(text).cropped(self.crop) for text in group]
                yield from self.gallery.search_batch(queries, self.k, self.options, include_self=self.include_self)

    def to_each(self, source: Any) -> Iterator[Hits]:
        """Answer with each picture of a source; those that cannot be read are told of."""
        queries = self._pictures(source)
        while True:
            started = time.perf_counter()
            batch = list(islice(queries, _AT_ONCE))
            if not batch:
                return
            encoding = (time.perf_counter() - started) / len(batch)
            for hits in self.gallery.search_batch(batch, self.k, self.options, include_self=self.include_self):
                yield replace(hits, seconds=hits.seconds + encoding)

    def _pictures(self, source: Any) -> Iterator[ResolvedQuery]:
        from lookalike.sources.combined import broken_parts  # which one query has no need of
        from lookalike.sources.resolve import open_source

        opened = open_source(source, base=self.gallery.location.base)
        resolver = self.gallery.resolver()
        for ref in opened:
            query = self._picture(resolver, opened, ref)
            if query is not None:
                yield query
        for uri in getattr(opened, "unreadable", ()):
            self.on_failure(Failure(uri, CLOSED_FOLDER))
        for error in broken_parts(opened):
            self.on_failure(Failure(error.uri, error.reason))

    def _picture(self, resolver: QueryResolver, source: Source, ref: ImageRef) -> ResolvedQuery | None:
        try:
            return resolver.picture(ref.uri, source.read(ref), ref.id, crop=self.crop)
        except (InputError, OSError) as error:
            self.on_failure(Failure(ref.uri, getattr(error, "reason", None) or str(error)))
            return None


def is_collection(text: str) -> bool:
    """Say whether a query stands for several: a folder, with a slash, or a data set of the hub.

    Without a slash the name of a folder may be meant as a word.
    """
    if text.startswith(HUB):
        return True
    term = Term(text)
    return term.kind is Kind.FILE and os.path.isdir(term.what)  # noqa: PTH112 - takes any text
