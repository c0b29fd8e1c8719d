"""The items of a gallery by their positions among its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookalike.api.evaluation import Subject
from lookalike.search.hit import Hit
from lookalike.search.items import fetch_items

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lookalike.api.gallery import Gallery
    from lookalike.arrays import Positions, Vectors
    from lookalike.search.all_rows import Rows
    from lookalike.search.items import Item


@dataclass(frozen=True, slots=True)
class Shelf:
    """A gallery, and its rows at one version."""

    gallery: Gallery
    rows: Rows

    def hits(self, positions: Positions, scores: Vectors) -> list[Hit]:
        """Return the items at some positions, -1 for none, ranked as they are given."""
        is_there = positions >= 0
        row_ids = self.rows.row_ids[positions[is_there]].astype(np.int64)
        items = fetch_items(self.rows.store, row_ids)
        ranked = zip(row_ids.tolist(), scores[is_there].tolist(), strict=True)
        return [_hit(rank, items[row_id], score) for rank, (row_id, score) in enumerate(ranked, start=1)]

    def item(self, position: int) -> Hit:
        """Return the item at a position."""
        return self.hits(np.array([position]), np.zeros(1, np.float32))[0]

    def subject(self, label_column: str | None, label_sizes: Mapping[str, int]) -> Subject:
        """Return what an evaluation says of the gallery."""
        return Subject(str(self.gallery.path), self.gallery.spec, len(self.rows), label_column, label_sizes)


def _hit(rank: int, item: Item, score: float) -> Hit:
    return Hit(rank, item.id, item.uri, score, item.attributes, item.digest)
