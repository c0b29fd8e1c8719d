"""The photos that the benchmarks run on: Beans, 500x500 JPEG files in train, validation and test folders."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_SPLITS = ("train", "validation", "test")
_SOI, _COMMENT = b"\xff\xd8", b"\xff\xfe"


def beans() -> Path:
    """Return the folder of the photos; the process ends with a sentence if there is none."""
    named = os.environ.get("LOOKALIKE_BEANS")
    folder = Path(named) if named else _ROOT.parent / "shared" / "beans"
    if all((folder / split).is_dir() for split in _SPLITS):
        return folder
    place = "LOOKALIKE_BEANS names a folder" if named else "there is no folder shared/beans beside the repository"
    sys.exit(
        f"the Beans photos are missing ({place} without train, validation and test in it); "
        "set LOOKALIKE_BEANS to the folder that holds them as <split>/<label>/<photo>.jpg"
    )


def photos(*splits: str) -> list[Path]:
    """Return the photos of those splits, or of all, sorted."""
    return sorted(path for split in splits or _SPLITS for path in (beans() / split).glob("*/*.jpg"))


def with_comment(jpeg: bytes, comment: bytes) -> bytes:
    """Return the same picture as another file: a comment segment (ITU-T T.81, B.2.4.5) is put behind its start."""
    return _SOI + _COMMENT + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[len(_SOI) :]
