"""Answers the command line of this machine's user over a socket, just as a search in a process of its own would be."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lookalike
from lookalike.errors import InputError
from lookalike.gallery.lance_store import LanceStore
from lookalike.images.limits import DEFAULT_LIMITS
from lookalike.images.region import Region
from lookalike.search.options import SearchOptions, checked_k
from lookalike.search.query import QueryFile, QueryResolver
from lookalike.search.terms import Kind
from lookalike.server.local_protocol import LENGTH, MOST_BYTES, MOST_JSON, is_private, packed, socket_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from lookalike.api.gallery import Gallery
    from lookalike.api.hits import Hits
    from lookalike.encoders.base import Encoder
    from lookalike.search.hit import Hit
    from lookalike.search.query import ResolvedQuery
    from lookalike.server.workers import Workers

_LOG = logging.getLogger("lookalike.server")


@asynccontextmanager
async def local_socket(gallery: Gallery, workers: Workers) -> AsyncIterator[None]:
    """Answer at the gallery's socket as long as the context lasts, unless another server does or there can be none."""
    path = socket_path(gallery.path)
    listening = None if path is None else _listen(path)
    if path is None or listening is None:
        yield
        return
    own = os.stat(path).st_ino  # noqa: PTH116 - once, at the start
    server = await asyncio.start_unix_server(partial(_answer, gallery, workers), sock=listening)
    try:
        async with server:
            yield
    finally:
        with contextlib.suppress(OSError):
            if path.stat().st_ino == own:
                path.unlink()


def _listen(path: Path) -> socket.socket | None:
    """Return a socket that listens there, for this user alone; None if another server does."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_private(path.parent):
        _LOG.warning("no local socket", extra={"detail": f"{path.parent} is open to others"})
        return None
    with socket.socket(socket.AF_UNIX) as other:
        if other.connect_ex(os.fspath(path)) == 0:
            return None
    listening = socket.socket(socket.AF_UNIX)
    unfinished = path.with_suffix(f".{os.getpid()}")
    listening.bind(os.fspath(unfinished))
    unfinished.chmod(0o600)
    listening.listen()
    unfinished.replace(path)
    return listening


async def _answer(
    gallery: Gallery, workers: Workers, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer one call; with no answers where the caller has to search by itself, and will say what is wrong."""
    reply: dict[str, Any] = {"answers": None}
    try:
        values, blobs = await _received(reader)
        if values["version"] == lookalike.__version__:
            reply = await workers.do("search", partial(_reply, gallery, values, blobs))
    except asyncio.IncompleteReadError:
        pass
    except Exception as error:  # noqa: BLE001  (the caller searches by itself and tells it)
        _LOG.info("a local search is left to the caller", extra={"error": type(error).__name__})
    with contextlib.suppress(OSError):
        writer.write(packed(reply))
        await writer.drain()
        writer.close()
        await writer.wait_closed()


async def _received(reader: asyncio.StreamReader) -> tuple[Mapping[str, Any], list[bytes]]:
    length = int.from_bytes(await reader.readexactly(LENGTH), "big")
    if length > MOST_JSON:
        msg = f"the message has {length} bytes; send at most {MOST_JSON}"
        raise InputError(msg)
    message = json.loads(await reader.readexactly(length))
    if sum(message["blobs"]) > MOST_BYTES:
        msg = f"the pictures have more than {MOST_BYTES} bytes together; search by less at once"
        raise InputError(msg)
    return message["values"], [await reader.readexactly(size) for size in message["blobs"]]


def _reply(gallery: Gallery, asked: Mapping[str, Any], blobs: Sequence[bytes]) -> dict[str, Any]:
    if LanceStore.open(gallery.location).manifest.table != gallery.store.manifest.table:
        return {"answers": None}  # there is another gallery by now
    gallery.store.refresh()
    options = SearchOptions.from_dict(asked["options"])
    region = None if asked["crop"] is None else Region.of(asked["crop"])
    encoders: list[Encoder] = []

    def encoder() -> Encoder:
        encoders.append(gallery.encoder)
        return encoders[0]

    pictures = iter(blobs)
    queries = [(query["text"], _files(query, pictures)) for query in asked["queries"]]
    # one by one, for in a batch an encoder rounds differently
    resolved = [_resolved(gallery, encoder, text, files, region) for text, files in queries]
    answers = gallery.search_resolved(resolved, checked_k(asked["k"]), options, include_self=asked["include_self"])
    return {
        "answers": [_told(hits) for hits in answers],
        "unknown": [name for name in options.exclude if not gallery.store.has(name)],
        "notice": gallery.notice if encoders else "",
    }


def _files(query: Mapping[str, Any], pictures: Iterator[bytes]) -> dict[str, QueryFile]:
    """Return the files that a caller has, by what names them in its query."""
    return {
        file["text"]: QueryFile(file["name"], file["item"], partial(bytes, picture))
        for file, picture in zip(query["files"], pictures, strict=False)
    }


def _resolved(
    gallery: Gallery, encoder: Callable[[], Encoder], text: str, files: Mapping[str, QueryFile], region: Region | None
) -> ResolvedQuery:
    """Embed a query; a file that was not sent is none, and no path is opened here."""
    by_path = {Path(os.path.expanduser(name)): file for name, file in files.items()}  # noqa: PTH111 - never raises
    resolver = QueryResolver(gallery.store, encoder, DEFAULT_LIMITS, by_path.__getitem__)
    query = resolver.parse(text, files.__contains__)
    if any(term.kind is Kind.URL for term in query.terms):
        msg = "an address is fetched by who names it"
        raise InputError(msg)
    return resolver.resolve(query if region is None else query.cropped(region))


def _told(hits: Hits) -> dict[str, Any]:
    return {
        "query": hits.query,
        "seconds": hits.seconds,
        "method": [hits.method.index, hits.method.recall],
        "hits": [_hit(hit) for hit in hits],
        "cursor": hits.cursor,
    }


def _hit(hit: Hit) -> dict[str, Any]:
    times = [name for name, value in hit.attributes.items() if isinstance(value, datetime)]
    return {**hit.to_dict(), "times": times}
