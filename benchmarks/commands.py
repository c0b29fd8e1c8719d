"""The ``lookalike`` command as a user runs it: in a new process each time."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_IMPORT = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)


def wall_seconds(*arguments: str) -> float:
    """Run ``lookalike`` and return the time from before its process is made until it is gone.

    Raises
    ------
    RuntimeError : if it fails.
    """
    return _run([sys.executable, "-m", "lookalike", *arguments])[0]


def interpreter_seconds() -> float:
    """Return how long an interpreter takes that does nothing."""
    return _run([sys.executable, "-c", "pass"])[0]


def import_seconds(*arguments: str) -> dict[str, float]:
    """Run ``lookalike`` and return the time that each top-level package took to import, without what it imports."""
    _, errors = _run([sys.executable, "-X", "importtime", "-m", "lookalike", *arguments])
    spent: dict[str, float] = {}
    for microseconds, module in _IMPORT.findall(errors):
        package = module.partition(".")[0]
        spent[package] = spent.get(package, 0.0) + int(microseconds) / 1e6
    return spent


def _run(command: Sequence[str]) -> tuple[float, str]:
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} exited with {done.returncode}: {done.stderr[-2000:]}")
    return seconds, done.stderr
