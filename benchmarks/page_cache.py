"""Files put out of the page cache, as they are after a restart of the machine. Linux only."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def can_evict() -> bool:
    """Say whether this system takes the advice; it is only advice, and pages that a process maps stay."""
    return hasattr(os, "posix_fadvise")


def evict(files: Iterable[Path]) -> None:
    """Write the files out, and drop their pages."""
    for path in files:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:  # somebody's temporary file
            continue
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def files_below(folder: Path) -> list[Path]:
    """Return every file in a folder and below it."""
    return [path for path in folder.rglob("*") if path.is_file()]


def installed_files() -> list[Path]:
    """Return the files that Python programs here are loaded from: the standard library and what is installed."""
    folders = {Path(entry) for entry in sys.path if entry and Path(entry).is_dir()}
    return [path for folder in folders for path in files_below(folder)]
