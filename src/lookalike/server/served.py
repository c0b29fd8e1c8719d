"""A gallery as the server has it: asked by many clients at once, without blocking the event loop."""

from __future__ import annotations

import asyncio
import time
from dataclasses import fields, replace
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import numpy as np

from lookalike.api.map import MapOptions
from lookalike.errors import ImageDecodeError, InputError
from lookalike.images.decode import decode
from lookalike.images.ref import as_json
from lookalike.images.transforms import encode_png
from lookalike.search.options import SearchOptions
from lookalike.search.upkeep import index_in_use
from lookalike.server.conditions import check_condition
from lookalike.server.embedding import QueryEmbedder, all_of
from lookalike.server.insights import Insights
from lookalike.server.problems import RefusedError, busy
from lookalike.server.searching import SearchQueue, Wanted
from lookalike.server.thumbnails import Thumbnails
from lookalike.server.writing import GalleryWriter, Leaving, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lookalike.api.duplicates import Duplicates
    from lookalike.api.evaluation import Evaluation
    from lookalike.api.gallery import Gallery
    from lookalike.api.hits import Hits
    from lookalike.building.optimizing import Optimized
    from lookalike.building.report import Removal
    from lookalike.images.ref import Scalar
    from lookalike.indexes.tuning import Tuned
    from lookalike.search.query import ResolvedQuery
    from lookalike.search.terms import Query
    from lookalike.server.schemas import DuplicatesRequest, EvaluateRequest, ExplainRequest, Narrowing, TuneRequest
    from lookalike.server.thumbnails import Thumbnail
    from lookalike.server.uploads import Upload
    from lookalike.server.workers import Workers

T = TypeVar("T")

_TOLD = ("box", "strength", "collapsed")
"""What is told of a hit where it is known."""


class ServedGallery:
    """One gallery of a server.

    Parameters
    ----------
    name : what clients call it.
    gallery : used by several threads.
    workers : those of the server.
    """

    def __init__(self, name: str, gallery: Gallery, workers: Workers) -> None:
        self.name = name
        self.gallery = gallery
        self._workers = workers
        self._limits = workers.options.limits
        self._has_started = False
        self._is_kept_up = False
        self._embedder = QueryEmbedder(gallery, workers)
        self._searches = SearchQueue(self._found, workers)
        self._writer: GalleryWriter | None = None
        self._thumbnails = Thumbnails(gallery, self._limits)
        self.insights = Insights(gallery)

    def start(self) -> None:
        """Load what the first request would wait for, once.

        Raises
        ------
        LookalikeError : if the gallery or its encoder cannot be used.
        """
        if self._workers.options.is_writable and self._writer is None:
            self._writer = GalleryWriter(self.gallery, self._limits)
        if self._has_started or self._is_new():
            return
        self._embedder.start()
        if len(self.gallery):
            self.gallery.searcher.read_ahead()
            self.gallery.search(np.ones(self.gallery.spec.dim, np.float32), k=1)
        self._has_started = True

    def close(self) -> None:
        """Write and embed what was asked for, and end."""
        if self._writer is not None:
            self._writer.close()
        self._embedder.close()

    async def search(self, queries: Sequence[Query], narrowing: Narrowing) -> list[Hits]:
        """Answer several queries; their time is that from the request on, shared among them.

        Raises
        ------
        RefusedError : if there is no room for as many terms, an item does not exist, or its picture is gone.
        LookalikeError : for all else that is wrong with a query or an option.
        """
        started = time.perf_counter()
        if narrowing.where is not None:
            check_condition(narrowing.where)
        with self._workers.admitted(sum(len(query.terms) for query in queries)):
            chosen = narrowing.model_dump(include={field.name for field in fields(SearchOptions)})
            options = SearchOptions.from_dict(chosen)
            embedded = await all_of([self._embedder.embedded(query) for query in queries])

            def resolve() -> list[ResolvedQuery]:
                return [self._embedder.item(query) if isinstance(query, str) else query for query in embedded]

            own = 0 if narrowing.include_self else max(map(_items_of, embedded))
            wanted = Wanted(narrowing.k, options, narrowing.include_self, len(embedded), own)
            answers = await asyncio.wrap_future(self._searches.submit(resolve, wanted))
            seconds = (time.perf_counter() - started) / len(queries)
            return [replace(hits, seconds=seconds) for hits in answers]

    def _found(self, queries: Sequence[ResolvedQuery], wanted: Wanted) -> list[Hits]:
        return self.gallery.search_resolved(queries, wanted.k, wanted.options, include_self=wanted.include_self)

    async def duplicates(self, asked: DuplicatesRequest) -> Duplicates:
        """Return what is in the gallery more than once."""
        return await self._workers.do("search", partial(self.insights.duplicates, asked.threshold, asked.keep))

    async def evaluation(self, asked: EvaluateRequest) -> Evaluation:
        """Return how far up the gallery ranks what is relevant to its own items."""
        judged = partial(
            self.insights.evaluation, self.name, label_from=asked.label_from, k=asked.k, sample=asked.sample
        )
        return await self._workers.do("search", judged)

    async def tune(self, asked: TuneRequest) -> dict[str, Any]:
        """Find an index, search with it from now on, and return what was measured, as JSON-ready values."""
        tuned: Tuned = await self._keep_up(partial(self.insights.tuned, asked.goal(), asked.index))
        return tuned.to_dict()

    async def optimize(self) -> dict[str, Any]:
        """Bring files, snapshot and index up to date, and return how the gallery is searched, as JSON-ready values."""
        optimized: Optimized = await self._keep_up(self.insights.optimized)
        return optimized.to_dict()

    async def _keep_up(self, work: Callable[[], T]) -> T:
        """Do something long that lets no other write, while nobody else does such a thing."""
        self._writable()
        if self._workers.keeps_up:
            raise busy()
        self._workers.keeps_up, self._is_kept_up = True, True

        def done() -> T:
            try:
                return work()
            finally:  # also if who asked has left meanwhile
                self._workers.keeps_up, self._is_kept_up = False, False

        return await self._workers.do("upkeep", done)

    async def map_page(self, *, label_from: str | None, most: int, seed: int) -> bytes:
        """Return the gallery drawn as a page, whose pictures are linked by addresses relative to that of the page."""
        chosen = MapOptions(
            label_from,
            most,
            seed,
            link=lambda hit: f"pictures/{quote(hit.id, safe='')}",
            title=f"Images of {self.name}",
        )
        return await self._workers.do("search", partial(self.insights.map_page, chosen))

    async def explanation(self, asked: ExplainRequest) -> bytes:
        """Return why an item is a hit of a query, as a PNG file."""
        query = asked.query.asked()

        def drawn() -> bytes:
            return encode_png(self.insights.explanation(query, asked.id, asked.box).image())

        with self._workers.admitted(1):
            return await self._workers.do("decode", drawn)

    async def add(self, uploads: Sequence[Upload]) -> list[Outcome]:
        """Add pictures, and return what became of each once that is on disk."""
        writer = self._writable()
        if len({upload.id for upload in uploads}) < len(uploads):
            msg = "two of the pictures have the same id, or the same bytes and no id; name them differently"
            raise InputError(msg)
        with self._workers.admitted(len(uploads)):
            # what is no picture does not even reach the disk
            checks = [self._workers.do("decode", partial(self._fault_of, upload.data)) for upload in uploads]
            faults = dict(zip((upload.id for upload in uploads), await all_of(checks), strict=True))
            sound = [upload for upload in uploads if not faults[upload.id]]
            written = await asyncio.wrap_future(writer.add(sound)) if sound else []
        outcomes = {outcome.id: outcome for outcome in written}
        return [outcomes.get(item) or Outcome(item, "failed", fault) for item, fault in faults.items()]

    async def remove(self, leaving: Leaving) -> Removal:
        """Remove items, and return which.

        Raises
        ------
        RefusedError : if the server is read-only, or one of the ids is no item.
        InputError : if the condition cannot be used, or nothing fits it.
        """
        writer = self._writable()
        if leaving.where is not None:
            check_condition(leaving.where)
        with self._workers.admitted(1):
            return await asyncio.wrap_future(writer.remove(leaving))

    async def item(self, item: str) -> dict[str, Any] | None:
        """Return an item as JSON-ready values; None if there is none."""
        return await self._workers.do("search", partial(self._about_item, item))

    async def thumbnail(self, item: str) -> Thumbnail | None:
        """Return the thumbnail of an item; None if there is no such item."""
        return await self._workers.do("decode", partial(self._thumbnails.get, item))

    async def picture(self, item: str) -> bytes | None:
        """Return the picture of an item in full, as a JPEG; None if there is no such item."""
        return await self._workers.do("decode", partial(self._thumbnails.in_full, item))

    async def do(self, work: Callable[[Gallery], T]) -> T:
        """Do something else with the gallery, in a thread, that counts as one query."""
        with self._workers.admitted(1):
            return await self._workers.do("search", partial(work, self.gallery))

    @property
    def is_writable(self) -> bool:
        """Whether clients may change the gallery."""
        return self._writer is not None

    async def change(self, work: Callable[[Gallery], T]) -> T:
        """Do something that changes the gallery, as :meth:`do` does.

        Raises
        ------
        RefusedError : if the server is read-only.
        """
        self._writable()
        return await self.do(work)

    async def about(self) -> dict[str, Any]:
        """Return what the gallery holds, as JSON-ready values."""
        return await self._workers.do("search", self._about)

    async def check(self) -> None:
        """Raise what keeps the gallery from being searched, if anything does."""
        if not self._is_new():
            await self._workers.do("search", lambda: self.gallery.store.refresh())

    async def total(self) -> int:
        """Return how many items the gallery holds."""
        return await self._workers.do("search", partial(len, self.gallery))

    def told(self, hits: Hits, prefix: str) -> dict[str, Any]:
        """Return hits as clients are told them: with addresses of the server in place of those of its disk."""
        return {
            "gallery": self.name,
            "query": hits.query,
            "exact": hits.is_exact,
            "index": hits.method.index,
            "recall": round(hits.method.recall, 4),
            "seconds": round(hits.seconds, 4),
            "hits": [
                {
                    "rank": hit.rank,
                    "id": hit.id,
                    **addresses(hit.id, prefix),
                    "score": hit.score,
                    **{name: value for name, value in hit.to_dict().items() if name in _TOLD},
                    "attributes": jsonable(hit.attributes),
                }
                for hit in hits
            ],
            **({} if hits.cursor is None else {"cursor": hits.cursor}),
        }

    def _fault_of(self, data: bytes) -> str:
        """Return why a picture cannot be added; empty if it can."""
        if not self._is_new():
            self._embedder.check_modality("image", "pictures")
        try:
            decode(data, min_side=1, limits=self._limits)
        except ImageDecodeError as error:
            return error.reason
        return ""

    def _about_item(self, item: str) -> dict[str, Any] | None:
        store = self.gallery.store
        store.refresh()
        rows = store.find(item, ["size", *store.attributes]).to_pylist()
        if not rows:
            return None
        row = rows[0]
        known = {name: row[name] for name in store.attributes if row[name] is not None}
        return {"id": item, "bytes": row["size"], "attributes": jsonable(known)}

    def _about(self) -> dict[str, Any]:
        store = self.gallery.store
        store.refresh()
        encoder = self.gallery.spec.to_dict()
        return {
            "gallery": self.name,
            "total": len(store),
            # a checkpoint may be a folder of the server's disk
            "encoder": {**encoder, "name": PurePath(encoder["name"]).name},
            "attributes": {name: str(store.schema.field(name).type) for name in store.attributes},
            "index": index_in_use(store),
            "version": store.version,
            "writable": self.is_writable,
        }

    def _is_new(self) -> bool:
        """Say whether the first picture that is added has yet to make the gallery."""
        return self._workers.options.is_writable and not self.gallery.location.exists()

    def _writable(self) -> GalleryWriter:
        if self._writer is None:
            raise RefusedError(403, "ReadOnlyError", "this server is read-only; start it with --writable to change it")
        if self._is_kept_up:  # who waited for that would keep others out
            raise busy()
        return self._writer


def _items_of(query: ResolvedQuery | str) -> int:
    """Return how many items of the gallery a query is made of."""
    return 1 if isinstance(query, str) else len(query.item_ids)


def addresses(item: str, prefix: str) -> dict[str, str]:
    """Return where an item and its thumbnail are on the server."""
    name = quote(item, safe="")
    return {"uri": f"{prefix}/items/{name}", "thumbnail": f"{prefix}/thumbnails/{name}"}


def jsonable(attributes: Mapping[str, Scalar]) -> dict[str, Any]:
    """Return attributes as JSON has them; see :func:`lookalike.images.ref.as_json`."""
    return {name: as_json(value) for name, value in attributes.items()}
