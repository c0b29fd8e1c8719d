"""How much memory there is to work with."""

from __future__ import annotations

import re
from pathlib import Path

_MACHINE = Path("/proc/meminfo")
_AVAILABLE = re.compile(r"^MemAvailable:\s+(\d+) kB$", re.MULTILINE)
_GROUPS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
_CACHED = re.compile(r"^(?:total_)?inactive_file (\d+)$", re.MULTILINE)


def available_memory() -> int | None:
    """Return how many bytes this process may still take: those free on the machine, within the limit of a container.

    None where the system does not tell. The limit is that of control groups, version 2 or 1
    (https://docs.kernel.org/admin-guide/cgroup-v2.html, ``memory.max``); files that only are cached count as free.
    """
    known = [room for room in (_of_machine(), *(_of_group(*group) for group in _GROUPS)) if room is not None]
    return min(known, default=None)


def _of_machine() -> int | None:
    try:
        found = _AVAILABLE.search(_MACHINE.read_text("ascii"))
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _of_group(folder: Path, limit: str, used: str) -> int | None:
    try:
        cached = _CACHED.search((folder / "memory.stat").read_text("ascii"))
        taken = int((folder / used).read_text("ascii")) - (int(cached[1]) if cached else 0)
        return max(0, int((folder / limit).read_text("ascii")) - taken)
    except (OSError, ValueError):  # ValueError: "max", which is no limit
        return None
