"""How good a gallery's ranking is: what :meth:`lookalike.api.gallery.Gallery.evaluate` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lookalike.api.hits import save_sections
from lookalike.building.report import NoProgress
from lookalike.exports.destination import saved_path, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lookalike.api.evaluation_examples import Example
    from lookalike.building.report import Failure, Progress
    from lookalike.encoders.base import EncoderSpec
    from lookalike.evaluation.scorecard import Scorecard

LABELS, COPIES = "labels", "copies"
"""What judges."""
REPORT_AS = (".html",)
_NAMED = 5


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """How a gallery is evaluated."""

    label_from: str | None = None
    """``parent``, an attribute, or ``none``; by default the attribute ``label``."""
    k: Sequence[int] = (1, 5, 10)
    sample: int | None = None
    """At most so many queries; by default all that are named, 1,000 of the gallery's own, and copies of 100."""
    progress: Progress = field(default_factory=NoProgress)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Queries that could not be judged."""

    unlabelled: int = 0
    """That have no label."""
    unmatched: Mapping[str, int] = field(default_factory=dict)
    """How many have a label that no other item of the gallery has, by label."""
    unknown: int = 0
    """That have no label and are no items of the gallery, so that no copy of them could find them."""
    failed: tuple[Failure, ...] = ()
    """That cannot be read."""

    def sentences(self) -> list[str]:
        """Return what was left out and why, a clause for each reason."""
        labels = ", ".join(list(self.unmatched)[:_NAMED]) + (", ..." if len(self.unmatched) > _NAMED else "")
        reasons = {
            "without a label": self.unlabelled,
            f"with a label that no other item of the gallery has ({labels})": sum(self.unmatched.values()),
            "without a label that are no items of the gallery": self.unknown,
            "that cannot be read": len(self.failed),
        }
        return [f"{count:,} {reason}" for reason, count in reasons.items() if count]

    def to_dict(self) -> dict[str, Any]:
        """Return the counts, and what failed with its reasons, as JSON-ready values."""
        return {
            "unlabelled": self.unlabelled,
            "unmatched": dict(self.unmatched),
            "unknown": self.unknown,
            "failed": [failure.to_dict() for failure in self.failed],
        }


@dataclass(frozen=True, slots=True)
class Subject:
    """What was evaluated."""

    gallery: str
    """Its folder."""
    encoder: EncoderSpec
    size: int
    """Items."""
    label_column: str | None
    """The attribute that holds their labels; None where copies judge."""
    label_sizes: Mapping[str, int]
    """Items by label."""


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """How far up in the ranking of the whole gallery the relevant items are, as means over queries with intervals.

    Relevant are the items with the label of the query, or, if none have labels, the original of a changed copy; a
    query that is itself an item is left out of its ranking.
    """

    subject: Subject
    chance: float
    """The precision at any k, and so about the average precision, that a random order of the items would have."""
    overall: Scorecard
    groups: Mapping[str, Scorecard]
    """By the label of the query, or by the change that was made to it."""
    confusion: Mapping[str, Mapping[str, int]]
    """By the label of the query, then by that of its nearest item: how many queries. Empty for copies."""
    worst: tuple[Example, ...]
    """Queries with the fewest relevant ones among their first hits, and then of least average precision."""
    best: tuple[Example, ...]
    left_out: LeftOut

    @property
    def judged_by(self) -> str:
        """``labels`` or ``copies``."""
        return COPIES if self.subject.label_column is None else LABELS

    @property
    def queries(self) -> int:
        """How many were judged."""
        return sum(card.queries for card in self.groups.values())

    def __repr__(self) -> str:
        rows = [
            f"{measure!s:10} {estimate.mean:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
            for measure, estimate in self.overall.estimates.items()
        ]
        return "\n".join([f"Evaluation of {self.subject.gallery}: {self.queries:,} queries", *rows])

    def to_dict(self) -> dict[str, Any]:
        """Return all but the pictures as JSON-ready values: measures by name and k, and 95 % intervals likewise."""
        cards = {name: card.to_dict() for name, card in self.groups.items()}
        sizes = self.subject.label_sizes
        return {
            "gallery": self.subject.gallery,
            "encoder": self.subject.encoder.name,
            "judged_by": self.judged_by,
            "label_column": self.subject.label_column,
            "gallery_size": self.subject.size,
            "chance": round(self.chance, 6),
            **self.overall.to_dict(),
            "queries": self.queries,
            **({"per_change": cards} if self.judged_by == COPIES else {"per_label": _with_sizes(cards, sizes)}),
            "confusion": {asked: dict(found) for asked, found in self.confusion.items()},
            "worst": [example.to_dict() for example in self.worst],
            "left_out": self.left_out.to_dict(),
        }

    def save_worst(self, path: str | Path) -> Path:
        """Write the worst queries with their first hits as a contact sheet (``.png``) or a page (``.html``).

        Returns
        -------
        The absolute path.

        Raises
        ------
        InputError : for any other suffix, or if the file cannot be written.
        """
        return save_sections([example.section() for example in self.worst], path, title="Worst queries")

    def save_report(self, path: str | Path) -> Path:
        """Write all of it as a page (``.html``) that needs no other file, and return its absolute path.

        Raises
        ------
        InputError : for any other suffix, or if the file cannot be written.
        """
        from lookalike.api.evaluation_report import report_of
        from lookalike.exports.report_page import report_page

        target = saved_path(path, REPORT_AS)
        write(target, report_page(report_of(self)).encode())
        return target


def _with_sizes(cards: Mapping[str, dict[str, Any]], sizes: Mapping[str, int]) -> dict[str, Any]:
    return {name: {"gallery_size": sizes.get(name, 0), **card} for name, card in cards.items()}
