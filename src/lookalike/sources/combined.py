"""Several sources as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.errors import SourceError
from lookalike.sources.base import WalkingSource
from lookalike.sources.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lookalike.images.ref import ImageRef
    from lookalike.sources.base import Source


class CombinedSource:
    """Sources listed one after the other; an item that several list is listed once, as the first does."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.uri = ", ".join(source.uri for source in sources)
        self.sources = tuple(sources)

    @property
    def unreadable(self) -> list[str]:
        """What could not be entered on the latest listing."""
        walking = [source for source in self.sources if isinstance(source, WalkingSource)]
        return [path for source in walking for path in source.unreadable]

    @property
    def stamp_prefixes(self) -> list[str]:
        """What the stamps of items begin with that came from one of the sources."""
        return [prefix for source in self.sources for prefix in getattr(source, "stamp_prefixes", ())]

    @property
    def concurrency(self) -> int:
        """How many items are best read at once: as many as the source that asks for most; 0: none asks."""
        return max(getattr(source, "concurrency", 0) for source in self.sources)

    def __iter__(self) -> Iterator[ImageRef]:
        """List the items of each source in turn.

        Raises
        ------
        SourceError : if one of the sources cannot be read.
        """
        seen = Seen()
        for source in self.sources:
            yield from (ref for ref in source if seen.add(ref.id))

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of the item, from the source that lists it."""
        for source in self.sources:
            if source.covers(ref.id):
                return source.read(ref)
        raise SourceError(ref.uri, "none of these sources lists it")

    def covers(self, item_id: str) -> bool:
        """Say whether one of the sources covers the item."""
        return any(source.covers(item_id) for source in self.sources)

    def reaches(self, folder_id: str) -> bool:
        """Say whether the latest listing entered that folder, or would have if it existed."""
        return any(isinstance(source, WalkingSource) and source.reaches(folder_id) for source in self.sources)


def parts_of(source: Source) -> Sequence[Source]:
    """Return the sources that a combined one lists, or the source itself."""
    return source.sources if isinstance(source, CombinedSource) else (source,)
