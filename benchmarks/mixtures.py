"""Vectors that are distributed as embeddings of photos are, in any number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import lookalike
from benchmarks.photos import photos
from lookalike.encoders.staging import decode_for, encode_prepared, prepare

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

DIM = 256
_BATCH = 32
_ROWS = 100_000
METHOD = """\
Vectors of 256 dimensions: all Beans photos are embedded, reduced to their first 256 principal components, and each row
is a blend of two of them (the second by up to one half) with normal noise of .35 of each component's deviation."""


def photo_embeddings() -> npt.NDArray[np.float32]:
    """Embed all photos; shape (n, 1280)."""
    encoder = lookalike.load_encoder()
    ready = [prepare(encoder, decode_for(encoder, path.read_bytes()).pixels) for path in photos()]
    return np.concatenate([encode_prepared(encoder, ready[i : i + _BATCH]) for i in range(0, len(ready), _BATCH)])


def mixture(rows: int, *, seed: int = 0, file: Path | None = None) -> npt.NDArray[np.float32]:
    """Return vectors around the embeddings of photos; shape (rows, 256), in memory or mapped from a new file."""
    embeddings = photo_embeddings()
    centred = embeddings - embeddings.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    reduced = centred @ directions[:DIM].T
    spread = reduced.std(axis=0)
    rng = np.random.default_rng(seed)
    shape = (rows, DIM)
    result = np.empty(shape, np.float32) if file is None else np.memmap(file, np.float32, "w+", shape=shape)
    for start in range(0, rows, _ROWS):
        count = min(_ROWS, rows - start)
        first, second = (reduced[rng.integers(0, len(reduced), count)] for _ in range(2))
        weight = 0.5 * rng.random((count, 1), dtype=np.float32)
        noise = 0.35 * spread * rng.standard_normal((count, DIM), dtype=np.float32)
        result[start : start + count] = first * (1 - weight) + second * weight + noise
    return result
