"""The pictures that a server is sent, in requests that are not too large."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

from lookalike.api.remote_queries import in_base64
from lookalike.building.report import Failure
from lookalike.gallery.record import SEEN, column_name
from lookalike.images.digest import content_digest
from lookalike.images.ref import as_json
from lookalike.sources.names import original

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lookalike.images.ref import ImageRef
    from lookalike.sources.base import Source

T = TypeVar("T")

_AT_ONCE, _BYTES_AT_ONCE = 32, 24_000_000
"""Queries and pictures that go in one request."""
_MOST_BYTES = 40_000_000
"""Of one picture to add."""
_SHOWN_DIGEST = 8


@dataclass(frozen=True, slots=True)
class SentPicture:
    """An image to add, or why it cannot be."""

    ref: ImageRef
    data: bytes
    fault: str = ""

    @classmethod
    def read(cls, source: Source, ref: ImageRef) -> SentPicture:
        """Return an image of a source."""
        try:
            data = source.read(ref)
        except OSError as error:
            return cls(ref, b"", error.strerror or str(error))
        fault = f"it has more than {_MOST_BYTES / 1e6:g} MB, the most that is sent" if len(data) > _MOST_BYTES else ""
        return cls(ref, data, fault)

    def values(self) -> dict[str, Any]:
        """Return it as a server takes it; see :class:`lookalike.server.schemas.NewItem`."""
        known = self.ref.attributes.items()
        # as a gallery would keep them: what the picture itself tells is left out
        attributes = {column_name(name): as_json(value) for name, value in known if name not in SEEN}
        return {"id": self.id, "image": in_base64(self.data), "attributes": attributes}

    @property
    def id(self) -> str:
        """What the item is called: that of a file elsewhere by its folder's name, and a digest of where that is."""
        path = PurePath(self.ref.id)
        if not path.is_absolute():
            return self.ref.id
        digest = content_digest(os.fsencode(original(str(path.parent))))
        return f"{path.parent.name}-{digest[:_SHOWN_DIGEST]}/{path.name}"


def sound(pictures: Iterable[SentPicture], on_failure: Callable[[Failure], None]) -> Iterator[SentPicture]:
    """Yield the pictures that can be sent, and tell of the others."""
    for picture in pictures:
        if picture.fault:
            on_failure(Failure(picture.ref.uri, picture.fault))
        else:
            yield picture


def grouped(items: Iterable[T], size_of: Callable[[T], tuple[int, int]]) -> Iterator[list[T]]:
    """Yield the items in groups that fit into one request, by how many pictures each is and their bytes."""
    group: list[T] = []
    count = size = 0
    for item in items:
        more, larger = size_of(item)
        if group and (count + more > _AT_ONCE or size + larger > _BYTES_AT_ONCE):
            yield group
            group, count, size = [], 0, 0
        group.append(item)
        count += more
        size += larger
    if group:
        yield group
