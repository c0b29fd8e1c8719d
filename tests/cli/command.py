"""Runs the real command in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path


def lookalike(*arguments: object, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run ``lookalike``, and fail with what it printed if it exits with another code."""
    done = subprocess.run(
        [sys.executable, "-m", "lookalike", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "120", "NO_COLOR": "1"},
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, f"exit code {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}"
    return done


def lookalike_json(*arguments: object, cwd: Path, code: int = 0):
    """Run ``lookalike --json`` and return what it printed, which must be JSON and nothing else."""
    return json.loads(lookalike(*arguments, "--json", cwd=cwd, code=code).stdout)


def mistake(*arguments: object, cwd: Path) -> str:
    """Run a call that must fail as the user's mistake, and return its one sentence."""
    done = lookalike(*arguments, cwd=cwd, code=2)
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    return lines[0]


def picture(path: Path, seed: int, *, side: int = 64) -> Path:
    """Write a small picture of blurred noise; different seeds look different."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(path)
    return path


def album(folder: Path, count: int = 6) -> Path:
    """Write pictures into two folders below ``folder``."""
    for i in range(count):
        picture(folder / ("even" if i % 2 == 0 else "odd") / f"{i}.png", i)
    return folder
