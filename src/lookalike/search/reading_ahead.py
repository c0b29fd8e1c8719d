"""Files that are read into memory before they are searched."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lookalike.memory import available_memory

if TYPE_CHECKING:
    from pathlib import Path

_SHARE = 0.75
"""Of the memory that is free; more would push out what is needed as well."""


def read_ahead(folder: Path) -> bool:
    """Ask the system to read the files of a folder, of a mapped index say, and say whether they fit and it was asked.

    A search of a mapped index that is not in memory reads hundreds of pages from all over it, one after the other.

    Raises
    ------
    OSError : if they cannot be read.
    """
    files = [path for path in folder.rglob("*") if path.is_file()]
    room = available_memory()
    if not hasattr(os, "posix_fadvise") or (room is not None and sum(f.stat().st_size for f in files) > _SHARE * room):
        return False
    for path in files:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)
    return True
