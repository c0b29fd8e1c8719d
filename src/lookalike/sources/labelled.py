"""A source whose items get labels from what is known of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lookalike.errors import InputError
from lookalike.sources.base import WalkingSource
from lookalike.sources.combined import broken_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lookalike.errors import SourceError
    from lookalike.images.ref import ImageRef
    from lookalike.sources.base import Source

PARENT = "parent"


class LabelledSource:
    """A source whose items get labels as they are listed; all else is the source's own.

    Parameters
    ----------
    source : the items.
    label : returns an item with its label, or as it is.
    """

    def __init__(self, source: Source, label: Callable[[ImageRef], ImageRef]) -> None:
        self._source = source
        self._label = label

    @property
    def uri(self) -> str:
        """What the user named."""
        return self._source.uri

    @property
    def unreadable(self) -> Sequence[str]:
        """The folders that could not be entered on the latest listing."""
        return self._source.unreadable if isinstance(self._source, WalkingSource) else ()

    @property
    def broken(self) -> Sequence[SourceError]:
        """Why parts of the source could not be listed to their end on the latest listing."""
        return broken_parts(self._source)

    @property
    def stamp_prefixes(self) -> Sequence[str]:
        """What the stamps of items begin with that came from the source."""
        return getattr(self._source, "stamp_prefixes", ())

    @property
    def concurrency(self) -> int:
        """How many items are best read at once; 0: the source does not ask."""
        return getattr(self._source, "concurrency", 0)

    def __iter__(self) -> Iterator[ImageRef]:
        """List the items with their labels; raises what the source or the labelling does."""
        return map(self._label, self._source)

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of the item."""
        return self._source.read(ref)

    def covers(self, item_id: str) -> bool:
        """Say whether the source would list the item if it existed."""
        return self._source.covers(item_id)

    def reaches(self, folder_id: str) -> bool:
        """Say whether the latest listing entered that folder, or would have if it existed."""
        return isinstance(self._source, WalkingSource) and self._source.reaches(folder_id)


def labelled_by(source: Source, column: str) -> LabelledSource:
    """Return a source that copies one attribute of each item to the attribute ``label``.

    Parameters
    ----------
    source : the items; listing one that lacks the attribute raises InputError.
    column : the attribute, or ``parent`` for the name of the folder that an item is in.
    """

    def label(ref: ImageRef) -> ImageRef:
        found = labelled(ref, column)
        if found is None:
            known = ", ".join(sorted(ref.attributes)) or "none"
            msg = f"{ref.uri} has no attribute {column!r} to take its label from; it has: {known}"
            raise InputError(msg)
        return found

    return LabelledSource(source, label)


def labelled(ref: ImageRef, column: str) -> ImageRef | None:
    """Return an item with the label that a column, or ``parent``, gives it; None if it has no such attribute."""
    attribute = "folder" if column == PARENT else column
    if attribute not in ref.attributes:
        return None
    value = ref.attributes[attribute]
    return replace(ref, attributes={**ref.attributes, "label": None if value is None else str(value)})
