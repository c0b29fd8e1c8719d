"""A search by a server that runs on this machine: no library has to be loaded for it."""

from __future__ import annotations

import json
import os
import re
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lookalike
from lookalike.errors import LookalikeError
from lookalike.images.formats import has_image_suffix
from lookalike.images.limits import DEFAULT_LIMITS
from lookalike.images.reading import read_picture
from lookalike.search.hit import Hit, Method, Strength
from lookalike.server.local_protocol import LENGTH, is_private, packed, socket_path
from lookalike.sources.names import anchored, item_id, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lookalike.gallery.location import Location

_PATIENCE = 60.0
_WORDS = re.compile(r"\w[\w ,.']*")
_SIGN = re.compile(r"(^|\s)[+-]\s|^[\d.]+:")
_ID = "id:"


@dataclass(frozen=True, slots=True)
class WarmHits:
    """The answer to one query; what is printed of :class:`lookalike.api.hits.Hits`, and no more."""

    query: str
    seconds: float
    method: Method
    hits: tuple[Hit, ...]
    cursor: None = None

    @property
    def is_exact(self) -> bool:
        """Whether these are the true nearest items."""
        return self.method.is_exact

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)


def warm_search(
    location: Location, queries: Sequence[str], options: Mapping[str, Any]
) -> tuple[list[WarmHits], str] | None:
    """Ask the server of a gallery; return the answers and what the user should know of the encoder.

    None if no server runs, or it cannot answer just as a search in this process would; that also tells what is wrong.

    Parameters
    ----------
    location : the gallery.
    queries : as on the command line; files are read here.
    options : ``k``, ``where``, ``min_score``, ``metric`` and ``include_self``.
    """
    path = socket_path(location.folder)
    if path is None or not path.exists() or not is_private(path.parent):
        return None
    try:
        asked = [_query(query, location.base) for query in queries]
        if None in asked:
            return None
        blobs = tuple(data for _, data in filter(None, asked) if data is not None)
        values = {"version": lookalike.__version__, **options, "queries": [query for query, _ in filter(None, asked)]}
        return _answers(_exchange(path, packed(values, blobs)))
    except (OSError, ValueError, KeyError, LookalikeError):
        return None


def _query(text: str, base: Path) -> tuple[dict[str, Any], bytes | None] | None:
    if _SIGN.search(text):  # several terms, or a name that looks so
        return None
    if text.startswith(_ID):
        return {"id": text.removeprefix(_ID)}, None
    own = os.path.expanduser(text)  # noqa: PTH111 - never raises
    if os.path.isfile(own):  # noqa: PTH113 - never raises
        path = Path(own)
        named = {"name": printable(str(path)), "item": item_id(anchored(path, base), base)}
        return named, read_picture(path, DEFAULT_LIMITS)
    if _WORDS.fullmatch(text) and not has_image_suffix(text) and not os.path.lexists(own):
        return {"text": text}, None
    return None


def _exchange(path: Path, message: bytes) -> Any:
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(_PATIENCE)
        server.connect(os.fspath(path))
        server.sendall(message)
        with server.makefile("rb") as answer:
            length = int.from_bytes(answer.read(LENGTH), "big")
            return json.loads(answer.read(length))["values"]


def _answers(reply: Mapping[str, Any]) -> tuple[list[WarmHits], str] | None:
    if reply["answers"] is None:
        return None
    answers = [
        WarmHits(told["query"], told["seconds"], Method(*told["method"]), tuple(map(_hit, told["hits"])))
        for told in reply["answers"]
    ]
    return answers, reply["notice"]


def _hit(told: dict[str, Any]) -> Hit:
    times = {name: datetime.fromisoformat(told["attributes"][name]) for name in told.pop("times")}
    box = None if told.get("box") is None else tuple(told["box"])
    strength = None if told.get("strength") is None else Strength(told["strength"])
    return Hit(**{**told, "attributes": {**told["attributes"], **times}, "box": box, "strength": strength})
