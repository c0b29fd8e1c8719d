"""How many processor cores there are to work with."""

from __future__ import annotations

import math
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Return how many cores this process may keep busy: those it is bound to, within the quota of a container.

    The quota is that of control groups, version 2 (https://docs.kernel.org/admin-guide/cgroup-v2.html, ``cpu.max``).
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return bound if quota is None else max(1, min(bound, quota))


def _quota() -> int | None:
    """Return the number of cores that the quota comes to, rounded up; None if there is none."""
    try:
        allowed, period = _QUOTA.read_text("ascii").split()
        return math.ceil(int(allowed) / int(period))
    except (OSError, ValueError):  # ValueError: "max" of a period, which is no quota
        return None
