"""A folder and all folders below it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.errors import SourceError, SourceGoneError
from lookalike.images.formats import IMAGE_SUFFIXES, has_image_suffix
from lookalike.sources.files import missing, read_file
from lookalike.sources.names import anchored, file_ref, is_below, name_of, parts_below, path_of_id, printable
from lookalike.sources.walk import Walk, is_visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lookalike.images.ref import ImageRef


class FolderSource:
    """Every file with an image suffix in a folder and below it; hidden and system folders and files are left out.

    Parameters
    ----------
    root : the folder.
    base : the folder that holds the gallery: ids of items inside are relative to it, other ids are absolute paths.
    """

    def __init__(self, root: Path, *, base: Path) -> None:
        self.uri = printable(str(root))
        self._base = base
        self._root = anchored(root, base)
        self._walk = Walk(self._root, enters=lambda path: is_visible(name_of(path)), keeps=_is_listed)

    @property
    def folders(self) -> Sequence[str]:
        """The folder, absolute."""
        return (self._root,)

    @property
    def unreadable(self) -> list[str]:
        """The folders that could not be entered on the latest listing."""
        return [printable(path) for path in self._walk.closed]

    def __iter__(self) -> Iterator[ImageRef]:
        """List the images, each folder's in order of name.

        Raises
        ------
        SourceError : if the folder is missing or closed, or, at the end, if it holds no images.
        """
        if not Path(self._root).exists():
            raise missing(self._root)
        is_empty = True
        for path, status in self._walk:
            is_empty = False
            yield file_ref(path, status, self._base)
        if self._walk.is_closed(self._root):
            raise SourceError(self.uri, "it cannot be entered; check its permissions")
        if is_empty:
            kind = SourceError if self._walk.closed else SourceGoneError
            raise kind(self.uri, no_images(len(self._walk.closed)))

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of the file."""
        return read_file(ref)

    def covers(self, item_id: str) -> bool:
        """Say whether the item would be listed if it existed: it is below this folder, visible, and not shut away."""
        path = path_of_id(item_id, self._base)
        if path is None or not is_below(path, self._root) or not _is_listed(path):
            return False
        return all(map(is_visible, parts_below(path, self._root))) and not self._walk.is_closed(path)

    def reaches(self, folder_id: str) -> bool:
        """Say whether the latest listing entered that folder, or would have if it existed."""
        path = path_of_id(folder_id, self._base)
        if path is None or not is_below(path, self._root) or self._walk.is_closed(path):
            return False
        return all(map(is_visible, parts_below(path, self._root)))


def no_images(closed: int) -> str:
    """Return the reason for an empty listing."""
    reason = f"holds no images (looked for {', '.join(sorted(IMAGE_SUFFIXES))})"
    return f"{reason}; {closed} folders could not be entered" if closed else reason


def _is_listed(path: str) -> bool:
    name = name_of(path)
    return has_image_suffix(name) and is_visible(name)
