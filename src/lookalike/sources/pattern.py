"""Files that match a glob pattern."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.errors import SourceGoneError
from lookalike.images.formats import has_image_suffix
from lookalike.sources.files import read_file
from lookalike.sources.names import absolute, anchored, file_ref, is_below, name_of, parts_below, path_of_id, printable
from lookalike.sources.walk import Walk, is_visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lookalike.images.ref import ImageRef

_MAGIC = re.compile(r"[*?\[]")
_ANY_DEPTH = "**"


def is_pattern(text: str) -> bool:
    """Say whether a text has any of the characters that make a glob pattern."""
    return _MAGIC.search(text) is not None


class GlobSource:
    """The files with an image suffix whose paths match a pattern.

    Parameters
    ----------
    pattern : ``*`` and ``?`` stand for any characters and one, ``[ab]`` for one of these, and ``**`` for any folders.
        As in a shell, a name that begins with a dot is matched only by a dot.
    base : the folder that holds the gallery: ids of items inside are relative to it, other ids are absolute paths.
    """

    def __init__(self, pattern: str, *, base: Path) -> None:
        self.uri = printable(pattern)
        self._base = base
        parts = Path(absolute(pattern)).parts
        fixed = next(at for at, part in enumerate(parts) if is_pattern(part))
        self._pattern = parts[fixed:]
        self._root = anchored(Path(*parts[:fixed]), base)
        self._walk = Walk(self._root, enters=lambda path: self._matches(path, is_folder=True), keeps=self._is_listed)

    @property
    def folders(self) -> Sequence[str]:
        """The folder that all files it can match are in, absolute."""
        return (self._root,)

    @property
    def unreadable(self) -> list[str]:
        """The folders that could not be entered on the latest listing."""
        return [printable(path) for path in self._walk.closed]

    def __iter__(self) -> Iterator[ImageRef]:
        """List the images, each folder's in order of name.

        Raises
        ------
        SourceError : at the end, if none matched.
        """
        is_empty = True
        for path, status in self._walk:
            is_empty = False
            yield file_ref(path, status, self._base)
        if is_empty:
            reason = "matches no images; a pattern names files, so end it in /** to take whole folders"
            raise SourceGoneError(self.uri, reason)

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of the file."""
        return read_file(ref)

    def covers(self, item_id: str) -> bool:
        """Say whether the item would match if it existed, and is not in a folder that could not be entered."""
        path = path_of_id(item_id, self._base)
        if path is None or not is_below(path, self._root):
            return False
        return self._is_listed(path) and not self._walk.is_closed(path)

    def reaches(self, folder_id: str) -> bool:
        """Say whether the latest listing entered that folder, or would have if it existed."""
        path = path_of_id(folder_id, self._base)
        if path is None or not is_below(path, self._root) or self._walk.is_closed(path):
            return False
        return self._matches(path, is_folder=True)

    def _is_listed(self, path: str) -> bool:
        return has_image_suffix(name_of(path)) and self._matches(path, is_folder=False)

    def _matches(self, path: str, *, is_folder: bool) -> bool:
        return _fits(parts_below(path, self._root), self._pattern, is_folder=is_folder)


def _fits(parts: Sequence[str], pattern: Sequence[str], *, is_folder: bool) -> bool:
    """Say whether a file's path matches, or whether something below a folder's path could."""
    if not pattern:
        return not parts and not is_folder
    if not parts:
        return is_folder or set(pattern) == {_ANY_DEPTH}
    first, rest = pattern[0], pattern[1:]
    if first == _ANY_DEPTH:
        below = is_visible(parts[0]) and _fits(parts[1:], pattern, is_folder=is_folder)
        return below or _fits(parts, rest, is_folder=is_folder)
    is_named = is_visible(parts[0]) or first == parts[0] or (first[0] == parts[0][0] == ".")
    return is_named and fnmatch.fnmatch(parts[0], first) and _fits(parts[1:], rest, is_folder=is_folder)
