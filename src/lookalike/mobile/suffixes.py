"""How the files of a searcher are called."""

from __future__ import annotations

from pathlib import Path

MODEL = ".tflite"
INDEX = ".ldb"
"""Of an index beside its model."""


def is_searcher(path: str | None) -> bool:
    """Say whether a path names a searcher for phones rather than the folder of a gallery."""
    return path is not None and Path(path).suffix.lower() == MODEL
