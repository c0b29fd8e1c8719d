"""A search by a server that runs on this machine: no library has to be loaded for it."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lookalike
from lookalike.errors import LookalikeError
from lookalike.images.limits import DEFAULT_LIMITS
from lookalike.images.reading import read_picture
from lookalike.search.hit import Hit, Method, Strength
from lookalike.search.notation import HUB, candidates, names_file
from lookalike.server.local_protocol import LENGTH, is_private, packed, socket_path
from lookalike.sources.names import anchored, item_id, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lookalike.gallery.location import Location

_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class WarmHits:
    """The answer to one query; what is printed of :class:`lookalike.api.hits.Hits`, and no more."""

    query: str
    seconds: float
    method: Method
    hits: tuple[Hit, ...]
    cursor: str | None

    @property
    def is_exact(self) -> bool:
        """Whether these are the true nearest items."""
        return self.method.is_exact

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)


@dataclass(frozen=True, slots=True)
class WarmAnswer:
    """What a server found."""

    answers: list[WarmHits]
    """One for each query."""
    unknown: list[str]
    """Items to leave out that the gallery does not hold."""
    notice: str
    """What the user should know of the encoder, if anything."""


def warm_search(location: Location, queries: Sequence[str], asked: Mapping[str, Any]) -> WarmAnswer | None:
    """Ask the server of a gallery.

    None if no server runs, or it cannot answer just as a search in this process would; that also tells what is wrong.

    Parameters
    ----------
    location : the gallery.
    queries : as on the command line; files are read here.
    asked : ``k``, ``crop``, ``include_self``, and as ``options`` what
        :class:`lookalike.search.options.SearchOptions` has.
    """
    path = socket_path(location.folder)
    if path is None or not path.exists() or not is_private(path.parent):
        return None
    if any(query.startswith(HUB) for query in queries):
        return None
    try:
        read = [_query(query, location.base) for query in queries]
        blobs = tuple(blob for _, files in read for blob in files)
        values = {"version": lookalike.__version__, **asked, "queries": [query for query, _ in read]}
        return _answered(_exchange(path, packed(values, blobs)))
    except (OSError, ValueError, KeyError, LookalikeError):
        return None


def _query(text: str, base: Path) -> tuple[dict[str, Any], list[bytes]]:
    """Return a query with what its files are called, and their bytes; which of them are meant, the server can tell."""
    files, blobs = [], []
    for part in sorted(filter(names_file, candidates(text))):
        path = Path(os.path.expanduser(part))  # noqa: PTH111 - never raises
        files.append({"text": part, "name": printable(str(path)), "item": item_id(anchored(path, base), base)})
        blobs.append(read_picture(path, DEFAULT_LIMITS))
    return {"text": text, "files": files}, blobs


def _exchange(path: Path, message: bytes) -> Any:
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(_PATIENCE)
        server.connect(os.fspath(path))
        server.sendall(message)
        with server.makefile("rb") as answer:
            length = int.from_bytes(answer.read(LENGTH), "big")
            return json.loads(answer.read(length))["values"]


def _answered(reply: Mapping[str, Any]) -> WarmAnswer | None:
    if reply["answers"] is None:
        return None
    answers = [
        WarmHits(
            told["query"], told["seconds"], Method(*told["method"]), tuple(map(_hit, told["hits"])), told["cursor"]
        )
        for told in reply["answers"]
    ]
    return WarmAnswer(answers, reply["unknown"], reply["notice"])


def _hit(told: dict[str, Any]) -> Hit:
    times = {name: datetime.fromisoformat(told["attributes"][name]) for name in told.pop("times")}
    box = None if told.get("box") is None else tuple(told["box"])
    strength = None if told.get("strength") is None else Strength(told["strength"])
    return Hit(**{**told, "attributes": {**told["attributes"], **times}, "box": box, "strength": strength})
