"""Files that are read into memory before they are searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.memory import available_memory

if TYPE_CHECKING:
    from pathlib import Path

_SHARE = 0.75
"""Of the memory that is free; more would push out what is needed as well."""
_BYTES_AT_ONCE = 1 << 20


def read_ahead(folder: Path) -> bool:
    """Read the files of a folder, of a mapped index say, into the system's cache, and say whether they fit there.

    A search of a mapped index that is not in memory reads hundreds of pages from all over it, one after the other.
    They are read here, as the system reads no more than some kilobytes of what it is only advised to.

    Raises
    ------
    OSError : if they cannot be read.
    """
    files = [path for path in folder.rglob("*") if path.is_file()]
    room = available_memory()
    if room is not None and sum(path.stat().st_size for path in files) > _SHARE * room:
        return False
    buffer = bytearray(_BYTES_AT_ONCE)
    for path in files:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
    return True
