"""What every stored index has: which rows it is for, and their lengths."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import IndexUnusableError
from lookalike.indexes.specs import parse_index
from lookalike.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.indexes.base import IndexSpec

FORMAT = 1
_ABOUT, _NORMS = "index.json", "norms.npy"
_SAMPLE = 32


@dataclass(frozen=True, slots=True)
class Header:
    """What stands in ``index.json``."""

    spec: IndexSpec
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What one kind of index keeps besides."""


def write_header(folder: Path, header: Header, vectors: Vectors) -> None:
    """Write the header; last of an index's files, so that it stands only in a whole one."""
    spec = header.spec
    about = {
        "format": FORMAT,
        "index": str(spec),
        "metric": spec.metric.value,
        "dim": spec.dim,
        "rows": len(vectors),
        "sample": _fingerprint(vectors),
        **header.extra,
    }
    (folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")


def read_header(folder: Path, vectors: Vectors) -> Header:
    """Read the header of an index of these rows.

    Raises
    ------
    IndexUnusableError : if it is damaged, of a newer format, or of other rows.
    """
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        form, rows, dim = int(about.pop("format")), int(about.pop("rows")), int(about.pop("dim"))
        sample = about.pop("sample")
        spec = parse_index(about.pop("index"), metric=Metric(about.pop("metric")), dim=dim)
    except FileNotFoundError as error:
        raise IndexUnusableError(str(folder), "there is none") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexUnusableError(str(folder), f"its {_ABOUT} is damaged: {error}") from error
    if form > FORMAT:
        reason = f"it has format {form}, and this lookalike reads formats up to {FORMAT}"
        raise IndexUnusableError(str(folder), reason)
    if vectors.shape != (rows, dim):
        raise IndexUnusableError(str(folder), f"it is of {rows} rows of {dim} numbers, not of {vectors.shape}")
    if sample != _fingerprint(vectors):
        raise IndexUnusableError(str(folder), "it is of other rows")
    return Header(spec, about)


def write_norms(folder: Path, norms: npt.NDArray[np.float32]) -> None:
    """Write the lengths of the rows, which are costly to find again."""
    np.save(folder / _NORMS, norms)


def read_norms(folder: Path, rows: int) -> npt.NDArray[np.float32]:
    """Read the lengths of the rows; shape (rows,), float32.

    Raises
    ------
    IndexUnusableError : if they are missing or damaged.
    """
    norms = read_array(folder, _NORMS)
    if norms.shape != (rows,) or norms.dtype != np.float32:
        raise IndexUnusableError(str(folder), f"{_NORMS} holds {norms.dtype} of shape {norms.shape}")
    return norms


def read_array(folder: Path, name: str, *, mapped: bool = False) -> npt.NDArray[Any]:
    """Read or map one array of an index.

    Raises
    ------
    IndexUnusableError : if the file is missing or damaged.
    """
    try:
        array: npt.NDArray[Any] = np.load(folder / name, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise IndexUnusableError(str(folder), f"{name} cannot be read: {error}") from error
    return array


def _fingerprint(vectors: Vectors) -> str:
    """Return a digest of a few rows: an index of other rows of the same shape would answer wrongly."""
    sample = np.unique(np.linspace(0, max(len(vectors) - 1, 0), _SAMPLE).astype(np.int64))
    rows = np.ascontiguousarray(vectors[sample[: len(vectors)]])
    return hashlib.blake2b(rows.tobytes(), digest_size=16).hexdigest()
