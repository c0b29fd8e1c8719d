"""The files of a table: whether they are whole, and which commit made a version."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.gallery.lance_errors import store_errors
from lookalike.images.digest import content_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import lance

    from lookalike.gallery.location import Location

_TICK = 2_000_000_000
"""Nanoseconds; the coarsest clock of a file system in use has 2 seconds."""


def damage_of(table: lance.LanceDataset) -> str | None:
    """Return what is wrong with the files that hold the rows of this version, or None.

    Costs one look at each file's size; their content is not read.

    Raises
    ------
    OSError : if the folder may not be looked into.
    """
    for path, size in _files(table):
        try:
            found = (Path(table.uri) / path).stat().st_size
        except FileNotFoundError:
            return f"its file {path} is missing"
        if found != size and (size is not None or found == 0):
            expected = "" if size is None else f" of {size:,}"
            return f"its file {path} has {found:,}{expected} bytes"
    return None


def fingerprint(location: Location, version: int) -> str:
    """Return the digest of the commit that made a version of the rows; empty once that is tidied up.

    Of two commits that ever made a version of that number, in copies of a gallery say, each has its own.

    Raises
    ------
    StoreError : if the folder may not be looked into.
    """
    with store_errors(location):
        for name in (f"{(1 << 64) - 1 - version:020}", str(version)):  # the present way of naming them, and the old
            with contextlib.suppress(FileNotFoundError):
                return content_digest((location.rows / "_versions" / f"{name}.manifest").read_bytes())
    return ""


def versions_stamp(location: Location) -> tuple[int, ...] | None:
    """Return what is another whenever a version was added or removed since; None while that cannot be told.

    The clocks of file systems stand still for milliseconds, so two changes at once leave a folder the same time. It is
    told only of a folder that has not changed for a while: what comes next then has another.
    """
    with contextlib.suppress(OSError):
        about = (location.rows / "_versions").stat()
        if time.time_ns() - about.st_mtime_ns > _TICK:
            return (about.st_dev, about.st_ino, about.st_mtime_ns)
    return None


def _files(table: lance.LanceDataset) -> Iterator[tuple[str, int | None]]:
    for fragment in table.get_fragments():
        for file in fragment.data_files():
            yield f"data/{file.path}", file.file_size_bytes
        deletions = fragment.deletion_file()
        if deletions is not None:
            yield deletions, None
