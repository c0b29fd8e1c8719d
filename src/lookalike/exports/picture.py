"""What the exports draw: pictures with their captions, and a query beside its hits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lookalike.images.decode import Pixels
    from lookalike.images.ref import Scalar


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and what is said about it."""

    title: str
    """Its name; any text, such as a file name that is not valid Unicode."""
    subtitle: str
    """A second, paler line, such as a label; may be empty."""
    pixels: Pixels | None
    """None where the image cannot be read any more: its place is kept."""
    score: float | None = None
    """How alike it is to the query; None for the query itself."""
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    """What else is known of it."""


@dataclass(frozen=True, slots=True)
class Section:
    """A query and its hits, best first; the n-th hit has rank n."""

    query: Picture | None
    """None where the query was not a picture."""
    hits: Sequence[Picture]
    heading: str = ""
    """What was asked, where ``query`` does not say it."""
    title: str = "most alike"
    """What the hits are."""
    query_title: str = "Query"
    """What the query is."""
