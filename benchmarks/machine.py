"""What a result depends on besides the code: the machine in general words, and the versions of the libraries."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("lookalike", "numpy", "openvino", "pylance", "pyarrow", "simplejpeg", "opencv-python-headless")
_FEATURES = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "bf16", "amx_tile": "AMX"}


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> str:
    """Describe the processor, such as ``2 cores, AVX-512, bf16``."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return f"{cores()} cores, {platform.system()} {platform.machine()}"
    flags = next((line.split() for line in text.splitlines() if line.startswith("flags")), [])
    found = [name for flag, name in _FEATURES.items() if flag in flags]
    if "AVX-512" in found:
        found.remove("AVX2")
    return ", ".join([f"{cores()} cores", *found])


def busy_seconds() -> float | None:
    """Return the seconds that the cores have worked for anybody since the machine started, where the system tells."""
    try:
        first = Path("/proc/stat").read_text().partition("\n")[0]
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, steal = map(int, first.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that the time is spent in."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def load() -> float | None:
    """Return how many processes ran on average during the last minute, where the system tells."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
