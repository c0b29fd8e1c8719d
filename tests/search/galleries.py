"""Galleries made row by row, without images, and the plain search that they are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lookalike.encoders.base import EncoderSpec
from lookalike.gallery.lance_store import LanceStore
from lookalike.gallery.location import Location
from lookalike.gallery.manifest import Manifest
from lookalike.gallery.record import Record
from lookalike.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lookalike.arrays import Vectors

DIM = 4


def empty_gallery(folder: Path, dim: int = DIM) -> LanceStore:
    """Make a gallery without items."""
    spec = EncoderSpec("none", "", "", "", "", "f32", dim)
    return LanceStore.create(Location(folder / ".lookalike"), Manifest(encoder=spec.to_dict(), dim=dim))


def record(item_id: str, **attributes) -> Record:
    return Record(item_id, f"./{item_id}", digest=item_id, stamp="1", size=1, attributes=attributes)


def put(store: LanceStore, vectors: Mapping[str, Vectors], **attributes) -> None:
    """Add or replace items."""
    store.upsert([record(item_id, **attributes) for item_id in vectors], np.array([*vectors.values()], np.float32))


def plain_search(
    vectors: Mapping[str, Vectors], query: Vectors, k: int, metric: Metric = Metric.COSINE, *, without: Sequence = ()
) -> list[tuple[str, float]]:
    """Rank a dictionary of vectors in double precision: pairs of id and score, best first, equal scores by id."""
    target = query.astype(np.float64)
    scored = []
    for item_id, row in vectors.items():
        vector = row.astype(np.float64)
        if metric is Metric.L2:
            score = -np.linalg.norm(vector - target)
        else:
            score = float(vector @ target)
            length = np.linalg.norm(vector) * np.linalg.norm(target)
            if metric is Metric.COSINE:
                score = score / length if length else 0.0
        if item_id not in without:
            scored.append((item_id, float(np.float32(score))))
    return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:k]
