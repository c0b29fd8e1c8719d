"""Queries of a user, embedded, and what a gallery answers to them."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.api.hits import Hits
from lookalike.errors import InputError, LookalikeError, StoreCorruptError
from lookalike.images.digest import content_digest
from lookalike.metric import Metric
from lookalike.search.answering import Asked
from lookalike.search.crops import embed_crops
from lookalike.search.items import item_named
from lookalike.search.options import AUTO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.api.gallery import Gallery
    from lookalike.arrays import Vectors
    from lookalike.images.decode import Pixels
    from lookalike.search.hit import Answer
    from lookalike.search.options import SearchOptions
    from lookalike.search.query import ResolvedQuery


def answer_all(
    gallery: Gallery, queries: Sequence[Any], *, k: int, options: SearchOptions, include_self: bool
) -> list[Hits]:
    """Return the hits of each query; see :meth:`lookalike.api.gallery.Gallery.search`."""
    started = time.perf_counter()
    gallery.store.refresh()
    resolver = gallery.resolver()
    resolved = [resolver.resolve(query) for query in queries]
    answers = answer_resolved(gallery, resolved, k=k, options=options, include_self=include_self)
    seconds = (time.perf_counter() - started) / max(1, len(answers))
    return [replace(hits, seconds=seconds) for hits in answers]


def answer_resolved(
    gallery: Gallery, queries: Sequence[ResolvedQuery], *, k: int, options: SearchOptions, include_self: bool
) -> list[Hits]:
    """Return the hits of queries that are embedded already; see :meth:`lookalike.api.gallery.Gallery.search_batch`."""
    if not queries:
        return []
    started = time.perf_counter()
    crops = [_with_crops(gallery, query) for query in queries] if options.expand == "crops" else None
    asked = Asked(
        np.concatenate([query.vector for query in queries]),
        [() if include_self else query.item_ids for query in queries],
        None if crops is None else np.concatenate(crops),
        [_identity(query) for query in queries] if options.cursor is not None else (),
    )
    _check_words(queries, options)
    _check_directions(queries, options)
    version = gallery.store.version
    try:
        answers = gallery.searcher.answer(asked, k, options)
    except StoreCorruptError:
        gallery.store.refresh()
        if gallery.store.version == version:
            raise
        # a writer has tidied up the version that was being read
        answers = gallery.searcher.answer(asked, k, options)
    seconds = (time.perf_counter() - started) / len(queries)
    found = zip(queries, answers, strict=True)
    return [_hits(gallery, query, answer, (seconds, options.reverse)) for query, answer in found]


def _hits(gallery: Gallery, query: ResolvedQuery, answer: Answer, how: tuple[float, bool]) -> Hits:
    seconds, are_least = how
    hits = tuple(replace(hit, strength=None) for hit in answer.hits) if query.is_text else tuple(answer.hits)
    shown = (query.picture, gallery.read, gallery.limits)
    asked_with = partial(_pictures_of, gallery, query)
    return Hits(query.name, hits, seconds, *shown, answer.method, are_least, answer.cursor, asked_with)


def _pictures_of(gallery: Gallery, query: ResolvedQuery) -> list[bytes | Pixels]:
    """Return the pictures of a query's terms, those of items as far as they can be read still."""
    pictures = []
    for part in query.parts or (query,):
        if part.picture is not None:
            pictures.append(part.picture)
            continue
        for item in filter(None, (item_named(name, gallery.store) for name in part.item_ids)):
            with contextlib.suppress(LookalikeError):
                pictures.append(gallery.read(item))
    return pictures


def _check_words(queries: Sequence[ResolvedQuery], options: SearchOptions) -> None:
    words = next((query.name for query in queries if query.is_text), None)
    if words is not None and options.min_score == AUTO:
        msg = f"min_score 'auto' is measured among images, and words score lower; give a number to search for {words!r}"
        raise InputError(msg)


def _check_directions(queries: Sequence[ResolvedQuery], options: SearchOptions) -> None:
    if options.metric is not Metric.COSINE:
        return
    name = next((query.name for query in queries if not query.vector.any()), None)
    if name is not None:
        msg = f"{name!r} is all zeros, which has no direction to compare by cosine; pass another, or another metric"
        raise InputError(msg)


def _with_crops(gallery: Gallery, query: ResolvedQuery) -> Vectors:
    if query.picture is None:
        msg = f"crops are made of a picture, and {query.name!r} is none; leave the expansion out, or name a file"
        raise InputError(msg)
    return embed_crops(gallery.encoder, query.picture, gallery.limits)


def _identity(query: ResolvedQuery) -> str:
    """Return what tells a query from others; its embedding may differ in the last digits when it is made again."""
    if query.parts:
        return content_digest("\n".join([query.name, *map(_identity, query.parts)]).encode())
    if isinstance(query.picture, bytes):
        return content_digest(query.picture)
    if query.picture is not None:
        return content_digest(np.ascontiguousarray(query.picture).tobytes())
    is_vector = not query.item_ids and not query.is_text
    return content_digest(query.vector.tobytes()) if is_vector else query.name
