"""The protocol of a source of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lookalike.images.ref import ImageRef


class Source(Protocol):
    """A finite, repeatable listing of images, and their bytes.

    Two more attributes are taken into account where a source has them: ``unreadable``, what could not be entered on the
    latest listing, and ``stamp_prefixes``, what the stamps of its items begin with: an item of the gallery with such a
    stamp that is not listed any more is removed.
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
