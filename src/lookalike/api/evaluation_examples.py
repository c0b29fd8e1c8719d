"""Single queries of an evaluation with their first hits, to be looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.api.hits import Hits
from lookalike.errors import ImageDecodeError, StoreError
from lookalike.evaluation.retrieval import copies_of
from lookalike.evaluation.scorecard import AVERAGE_PRECISION, Measure
from lookalike.exports.picture import Section

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.api.gallery import Gallery
    from lookalike.api.shelf import Shelf
    from lookalike.evaluation.judging import Judged
    from lookalike.evaluation.measures import PerQuery
    from lookalike.search.hit import Hit

SHOWN_QUERIES = 6
"""The worst, and as many of the best."""


@dataclass(frozen=True, eq=False)
class Example:
    """One query and its first hits."""

    id: str
    group: str
    """Its label, or the change that was made to it."""
    average_precision: float
    hits: Hits
    matches: tuple[bool, ...]
    """Which of the hits are relevant."""
    labels: tuple[str | None, ...]
    """Of the hits; None where they have none, or copies are judged."""

    def to_dict(self) -> dict[str, Any]:
        """Return the query and its hits as JSON-ready values."""
        hits = [
            {"rank": hit.rank, "id": hit.id, "score": hit.score, "relevant": is_match, "label": label}
            for hit, is_match, label in zip(self.hits, self.matches, self.labels, strict=True)
        ]
        return {"id": self.id, "group": self.group, "average_precision": self.average_precision, "hits": hits}

    def section(self) -> Section:
        """Return the query and its hits as the exports take them, each hit with its label and whether it is right."""
        plain = self.hits.section()
        said = f"{self.group}, AP {self.average_precision:.3f}"
        hits = [
            replace(picture, subtitle=_verdict(is_match=is_match, label=label), attributes={})
            for picture, is_match, label in zip(plain.hits, self.matches, self.labels, strict=True)
        ]
        if plain.query is None:
            return Section(None, hits, f"{self.id}: {said}")
        return Section(replace(plain.query, subtitle=said), hits)


@dataclass(frozen=True, slots=True)
class Query:
    """What asked."""

    item: Hit
    """Of the gallery that it was taken from."""
    group: str
    change: int | None = None
    """Which of the changes was made to it."""

    def picture(self, owner: Gallery) -> bytes | None:
        """Return the file that asked, or None where it cannot be read any more."""
        try:
            data = owner.read(self.item)
            return data if self.change is None else copies_of(data)[self.change]
        except (OSError, ImageDecodeError, StoreError):
            return None


@dataclass(frozen=True, slots=True)
class Examples:
    """Makes examples of the queries that were judged."""

    judged: Judged
    gallery: Shelf
    asker: Gallery
    """Holds the items that asked."""
    query: Callable[[int], Query]
    """Returns what asked, by its number among those that were judged."""
    label_column: str | None

    def worst(self) -> tuple[Example, ...]:
        """Return those with the fewest relevant ones among their first hits, and then of least average precision."""
        order = np.lexsort((self._quality, self.judged.matches.sum(axis=1)))
        return tuple(map(self._of, order[:SHOWN_QUERIES].tolist()))

    def best(self) -> tuple[Example, ...]:
        """Return those with the most, the best first."""
        order = np.lexsort((-self._quality, -self.judged.matches.sum(axis=1)))
        return tuple(map(self._of, order[:SHOWN_QUERIES].tolist()))

    @property
    def _quality(self) -> PerQuery:
        return self.judged.of(Measure(AVERAGE_PRECISION))

    def _of(self, number: int) -> Example:
        query = self.query(number)
        found = tuple(self.gallery.hits(self.judged.hits[number], self.judged.scores[number]))
        owner = self.gallery.gallery
        hits = Hits(query.item.id, found, 0.0, query.picture(self.asker), owner.read)
        matches = tuple(self.judged.matches[number, : len(found)].tolist())
        labels = tuple(_text(hit.attributes.get(self.label_column or "")) for hit in found)
        return Example(query.item.id, query.group, float(self._quality[number]), hits, matches, labels)


def _verdict(*, is_match: bool, label: str | None) -> str:
    verdict = "match" if is_match else "miss"
    return verdict if label is None else f"{verdict}: {label}"


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
