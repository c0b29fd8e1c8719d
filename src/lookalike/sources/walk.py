"""Folders walked in a stable order, each once, remembering those that could not be entered."""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.sources.names import is_below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SYSTEM_FOLDERS = frozenset(
    {
        *("@eadir", "#recycle", "@recycle", "__macosx", "__pycache__"),
        *("$recycle.bin", "system volume information", "lost+found", "node_modules"),
    }
)


def is_visible(name: str) -> bool:
    """Say whether a file or folder of that name is the user's: not hidden by a dot, nor made by a system or a tool."""
    return not name.startswith(".") and name.lower() not in _SYSTEM_FOLDERS


@dataclass(slots=True)
class Walk:
    """The files below a folder.

    Symbolic links are followed, but after all that can be reached without them, so that a file keeps its plain path
    as its id. Every real folder is visited once, by its device and inode, so loops end. Memory holds the names of
    one folder, and of the folders still ahead.
    """

    root: str
    """Absolute."""
    enters: Callable[[str], bool]
    """Whether to go into the folder at a path."""
    keeps: Callable[[str], bool]
    """Whether to list the file at a path."""
    closed: list[str] = field(default_factory=list)
    """Paths that could not be entered or examined on the latest walk."""

    def __iter__(self) -> Iterator[tuple[str, os.stat_result]]:
        """List path and status of each regular file: a folder's files in order of name, then its folders."""
        self.closed.clear()
        seen: set[tuple[int, int]] = set()
        ahead, links = [self.root], deque[str]()
        while ahead or links:
            listing = self._list(ahead.pop() if ahead else links.popleft(), seen)
            yield from listing.files
            ahead.extend(reversed(listing.folders))
            links.extend(listing.links)

    def is_closed(self, path: str) -> bool:
        """Say whether a path is, or lies below, one that could not be entered."""
        return any(is_below(path, closed) for closed in self.closed)

    def _list(self, folder: str, seen: set[tuple[int, int]]) -> _Listing:
        try:
            status = Path(folder).stat()
            identity = (status.st_dev, status.st_ino)
            if identity in seen:
                return _Listing()
            seen.add(identity)
            with os.scandir(folder) as entries:
                listing = _Listing()
                for entry in sorted(entries, key=lambda entry: entry.name):
                    self._sort_in(entry, listing)
                return listing
        except FileNotFoundError:  # removed since its parent was listed
            return _Listing()
        except OSError as error:
            if error.errno != errno.ELOOP:  # links that lead to each other lead nowhere
                self.closed.append(folder)
            return _Listing()

    def _sort_in(self, entry: os.DirEntry[str], listing: _Listing) -> None:
        try:
            if entry.is_dir():
                if self.enters(entry.path):
                    (listing.links if entry.is_symlink() else listing.folders).append(entry.path)
            elif self.keeps(entry.path):
                # FIFOs, sockets and devices are not regular; opening one could block for ever
                status = entry.stat()
                if stat.S_ISREG(status.st_mode):
                    listing.files.append((entry.path, status))
            elif entry.is_symlink() and self.enters(entry.path) and not Path(entry.path).exists():
                self.closed.append(entry.path)  # a folder on a disk that is not there, say
        except FileNotFoundError:  # removed meanwhile, or a link to nothing
            return
        except OSError as error:
            if not entry.is_symlink():
                raise
            if error.errno != errno.ELOOP:
                self.closed.append(entry.path)


@dataclass(slots=True)
class _Listing:
    files: list[tuple[str, os.stat_result]] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
