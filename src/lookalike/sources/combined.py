"""Several sources as one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lookalike.errors import SourceError, SourceGoneError
from lookalike.sources.base import WalkingSource
from lookalike.sources.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from lookalike.images.ref import ImageRef
    from lookalike.sources.base import Source


class CombinedSource:
    """Sources listed one after the other; an item that several list is listed once, as the first does.

    One that is damaged does not keep the others from being listed. What it would have listed is unknown, so it covers
    nothing then.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self.uri = ", ".join(source.uri for source in sources)
        self.sources = tuple(sources)
        self._damaged: list[Source] = []
        self._errors: list[SourceError] = []

    @property
    def broken(self) -> list[SourceError]:
        """Why sources, or parts of them, could not be listed to their end on the latest listing."""
        return [*self._errors, *(error for source in self._sound() for error in broken_parts(source))]

    @property
    def unreadable(self) -> list[str]:
        """What could not be entered on the latest listing."""
        walking = [source for source in self.sources if isinstance(source, WalkingSource)]
        return [path for source in walking for path in source.unreadable]

    @property
    def stamp_prefixes(self) -> list[str]:
        """What the stamps of items begin with that came from one of the sources."""
        return [prefix for source in self._sound() for prefix in getattr(source, "stamp_prefixes", ())]

    @property
    def concurrency(self) -> int:
        """How many items are best read at once: as many as the source that asks for most; 0: none asks."""
        return max(getattr(source, "concurrency", 0) for source in self.sources)

    def __iter__(self) -> Iterator[ImageRef]:
        """List the items of each source in turn.

        Raises
        ------
        SourceGoneError : if there is nothing under the name of one.
        SourceError : at the end, if none of the sources can be read.
        """
        seen = Seen()
        damaged: list[Source] = []
        errors: list[SourceError] = []
        for source in self.sources:
            with damage_noted() as damage:
                yield from (ref for ref in source if seen.add(ref.id))
            errors += damage
            damaged += [source] if damage else []
        if len(errors) == len(self.sources):
            raise errors[0]
        self._damaged, self._errors = damaged, errors

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of the item, from the source that lists it."""
        for source in self.sources:
            if source.covers(ref.id):
                return source.read(ref)
        raise SourceError(ref.uri, "none of these sources lists it")

    def covers(self, item_id: str) -> bool:
        """Say whether one of the sources covers the item."""
        return any(source.covers(item_id) for source in self._sound())

    def reaches(self, folder_id: str) -> bool:
        """Say whether the latest listing entered that folder, or would have if it existed."""
        return any(isinstance(source, WalkingSource) and source.reaches(folder_id) for source in self.sources)

    def _sound(self) -> list[Source]:
        return [source for source in self.sources if source not in self._damaged]


class BrokenSource:
    """A source that was named and cannot be opened: listing it tells why."""

    def __init__(self, error: SourceError) -> None:
        self.uri = error.uri
        self.error = error

    def __iter__(self) -> Iterator[ImageRef]:
        """Raise the error."""
        raise self.error

    def read(self, ref: ImageRef) -> bytes:
        """Raise an error: it lists nothing."""
        raise SourceError(ref.uri, f"it is not in {self.uri}")

    def covers(self, item_id: str) -> bool:
        """Return False: what it would list is unknown."""
        del item_id
        return False


def combined(sources: Sequence[Source]) -> Source:
    """Return sources as one.

    Raises
    ------
    SourceError : if none of them could be opened.
    """
    broken = [source.error for source in sources if isinstance(source, BrokenSource)]
    if len(broken) == len(sources):
        raise broken[0]
    return sources[0] if len(sources) == 1 else CombinedSource(sources)


def open_all(specs: Iterable[Any], open_one: Callable[[Any], Source]) -> list[Source]:
    """Open several sources; one that is damaged tells of it when it is listed.

    Raises
    ------
    SourceGoneError : if there is nothing under one of the names.
    LookalikeError : whatever else ``open_one`` raises, but for a SourceError.
    """
    opened: list[Source] = []
    for spec in specs:
        with damage_noted() as damage:
            opened += parts_of(open_one(spec))
        opened += map(BrokenSource, damage)
    return opened


@contextmanager
def damage_noted() -> Iterator[list[SourceError]]:
    """Go on after a source that is damaged, with its error in the list; one that is not there is a mistake, raised."""
    errors: list[SourceError] = []
    try:
        yield errors
    except SourceGoneError:
        raise
    except SourceError as error:
        errors.append(error)


def broken_parts(source: Source) -> Sequence[SourceError]:
    """Return why parts of a source could not be listed to their end on the latest listing."""
    broken: Sequence[SourceError] = getattr(source, "broken", ())
    return broken


def parts_of(source: Source) -> Sequence[Source]:
    """Return the sources that a combined one lists, or the source itself."""
    return source.sources if isinstance(source, CombinedSource) else (source,)
