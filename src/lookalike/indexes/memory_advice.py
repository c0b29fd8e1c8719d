"""What the kernel is told about memory (``madvise(2)``), where it can be told."""

from __future__ import annotations

import ctypes
import mmap
from contextlib import suppress
from pathlib import Path
from typing import Any

with suppress(ImportError):  # of Windows, which takes no advice either
    import resource

_COLLAPSE = 25
"""``MADV_COLLAPSE``, since Linux 6.1; Python has no name for it."""
_HUGE = 2 << 20
_SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_MOST_REFUSALS = 8
"""One after the other; then memory is too fragmented, or the kernel too old, for the next to be worth its time."""


def _madvise_of_c() -> Any:
    if not hasattr(mmap, "MADV_WILLNEED"):
        return None
    call = ctypes.CDLL(None).madvise
    call.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return call


_madvise = _madvise_of_c()
CAN_ANNOUNCE = _madvise is not None


def announce(address: int, size: int) -> None:
    """Say that mapped bytes will be read soon, so that they are fetched from the disk now, and no others.

    Only where ``CAN_ANNOUNCE`` is True.

    Parameters
    ----------
    address, size : of the bytes.
    """
    page = address // mmap.PAGESIZE * mmap.PAGESIZE
    _madvise(page, address + size - page, mmap.MADV_WILLNEED)


def pages_read() -> int:
    """Return for how many pages this thread has waited for the disk; of the process, where threads are not counted.

    Only where ``CAN_ANNOUNCE`` is True.
    """
    return resource.getrusage(getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)).ru_majflt


def use_huge_pages(address: int, size: int) -> None:
    """Put memory into pages of two megabytes, as far as there are any and the system's administrator allows them.

    Who reads here and there in much memory, as a search in a graph does, waits less for the addresses of its pages:
    of small ones a processor knows a few megabytes' worth
    (https://docs.kernel.org/admin-guide/mm/transhuge.html).

    Parameters
    ----------
    address, size : of the bytes; not of a file.
    """
    if not _are_allowed():
        return
    first, end = -(-address // _HUGE) * _HUGE, address + size
    if first + _HUGE <= end:
        _madvise(first, (end - first) // _HUGE * _HUGE, mmap.MADV_HUGEPAGE)
        refusals = 0
        for start in range(first, end - _HUGE + 1, _HUGE):  # one by one, as the first that cannot move would end it
            refusals = refusals + 1 if _madvise(start, _HUGE, _COLLAPSE) else 0
            if refusals == _MOST_REFUSALS:
                break


def _are_allowed() -> bool:
    try:
        return hasattr(mmap, "MADV_HUGEPAGE") and "[never]" not in _SETTING.read_text("utf-8")
    except OSError:
        return False
