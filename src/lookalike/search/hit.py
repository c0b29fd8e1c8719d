"""What a search returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lookalike.images.ref import Scalar
    from lookalike.images.region import Box


class Strength(str, Enum):
    """What the score of a hit says; see :mod:`lookalike.search.calibration`."""

    STRONG = "strong"
    PLAUSIBLE = "plausible"
    WEAK = "weak"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Hit:
    """One item of the gallery, ranked for a query."""

    rank: int
    """From 1."""
    id: str
    uri: str
    score: float
    """Larger is more alike; see :class:`lookalike.metric.Metric` for the range."""
    attributes: Mapping[str, Scalar]
    """What is known of the item; attributes without a value are left out."""
    digest: str = ""
    """Of the bytes that were indexed; see :func:`lookalike.images.digest.content_digest`."""
    box: Box | None = None
    """The part of the upright picture that has the score: x, y, width and height in pixels. None unless the gallery
    has tiles and they were searched."""
    strength: Strength | None = None
    """What the score says in this gallery; None where that is not known."""
    collapsed: int | None = None
    """How many worse hits were folded into this one; None if none were to be."""

    def to_dict(self) -> dict[str, Any]:
        """Return the hit as JSON-ready values; times are in ISO 8601."""
        attributes = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in self.attributes.items()}
        values = {"rank": self.rank, "id": self.id, "uri": self.uri, "score": self.score, "attributes": attributes}
        if self.box is not None:
            values["box"] = list(self.box)
        if self.strength is not None:
            values["strength"] = self.strength.value
        if self.collapsed is not None:
            values["collapsed"] = self.collapsed
        return values


@dataclass(frozen=True, slots=True)
class Method:
    """How a search was done."""

    index: str = "exact"
    """The spec of the index."""
    recall: float = 1.0
    """The share of the true nearest items that it finds, as it was measured on rows of the gallery."""

    @property
    def is_exact(self) -> bool:
        """Whether the hits are the true nearest items."""
        return self.index == "exact"


EXACTLY = Method()


@dataclass(frozen=True, slots=True)
class Answer:
    """The hits of one query."""

    hits: Sequence[Hit]
    method: Method
    cursor: str | None = None
    """Of the next page; None if pages were not asked for, or this is the last."""
