"""A source in memory, which counts what is read of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lookalike.errors import SourceError
from lookalike.images.ref import ImageRef

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class MemorySource:
    """Images by id; with a stamp that follows their bytes, or without one."""

    images: dict[str, bytes]
    attributes: dict[str, dict[str, object]] = field(default_factory=dict)
    has_stamps: bool = True
    uri: str = "memory"
    prefix: str = ""
    """Of the ids that it covers."""
    reads: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[ImageRef]:
        if not self.images:
            raise SourceError(self.uri, "holds no images")
        for name, data in self.images.items():
            stamp = str(hash(data)) if self.has_stamps else ""
            yield ImageRef(name, f"memory#{name}", self.attributes.get(name, {}), stamp, len(data))

    def read(self, ref: ImageRef) -> bytes:
        self.reads[ref.id] += 1
        return self.images[ref.id]

    def covers(self, item_id: str) -> bool:
        return item_id.startswith(self.prefix)
