"""The protocol of a source of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lookalike.images.ref import ImageRef


class Source(Protocol):
    """A finite, repeatable listing of images, and their bytes.

    Four more attributes are taken into account where a source has them: ``unreadable``, what could not be entered on
    the latest listing; ``broken``, the errors of parts that it could not list to their end while others could be;
    ``stamp_prefixes``, what the stamps of its items begin with: an item of the gallery with such a
    stamp that is not listed any more is removed; and ``concurrency``, how many items are best read at once where that
    is a matter of waiting and not of work (0: no more than are decoded at once), as it is after a listing.
    """

    @property
    def uri(self) -> str:
        """What the user named, for messages."""
        ...

    def __iter__(self) -> Iterator[ImageRef]:
        """List the images in a stable order without reading them; no id comes twice.

        Raises
        ------
        SourceError : if the source itself cannot be read.
        """
        ...

    def read(self, ref: ImageRef) -> bytes:
        """Return the encoded image (the bytes of a JPEG file, say). Safe to call from several threads.

        Raises
        ------
        OSError : if this one item cannot be read.
        """
        ...

    def covers(self, item_id: str) -> bool:
        """Say whether this source would have listed that item if it still existed.

        Asked after a complete listing, of items that were indexed before and not listed now: those it covers are
        removed from the gallery. A folder that could not be entered is not covered.
        """
        ...


@runtime_checkable
class WalkingSource(Source, Protocol):
    """A source that goes through folders, some of which it may not be allowed to enter."""

    @property
    def unreadable(self) -> Sequence[str]:
        """The folders that could not be entered on the latest listing, as the URIs of items are written."""
        ...

    def reaches(self, folder_id: str) -> bool:
        """Say whether the latest listing entered that folder, or would have if it existed.

        Parameters
        ----------
        folder_id : what an item's id would be at its path.
        """
        ...
