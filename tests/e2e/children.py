"""Code run in a process of its own, with less power than this one has."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_OVERRIDES = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, see capabilities(7)
_VERSION = 0x20080522


def heed_permissions() -> None:
    """Let the permissions of files stop this process, even if root runs it."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    # effective, permitted and inheritable capabilities, twice 32 of them
    held = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, held) == 0
    for kind in range(3):
        held[kind] &= ~_OVERRIDES
    assert libc.capset(header, held) == 0


def limit_files(size: int) -> None:
    """Let no file of this process grow beyond a size in bytes, as if the disk were full."""
    import resource  # not on Windows

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def python(code: str, *arguments: object, wrapper: tuple[str, ...] = ()) -> list[str]:
    """Run code and return the lines that it prints; it must end well."""
    done = subprocess.run(
        [*wrapper, sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
