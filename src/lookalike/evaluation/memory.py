"""The most memory that this process has used."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def peak_bytes() -> int | None:
    """Return the largest resident size so far, in bytes; None where the system does not tell.

    On Linux from ``VmHWM``, for ``ru_maxrss`` begins with the peak of the process that this one was started by.
    """
    if _STATUS.is_file():
        found = _PEAK.search(_STATUS.read_text())
        return int(found[1]) * 1024 if found else None
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
