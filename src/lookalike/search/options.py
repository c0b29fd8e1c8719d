"""What a search is asked for besides its queries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError, UnknownNameError
from lookalike.metric import Metric, as_metric

if TYPE_CHECKING:
    from collections.abc import Mapping

AUTO = "auto"
START = "start"
DEEPEST = 10_000
"""Hits that are compared with each other, or ranked anew, at most."""
EXPANSIONS = ("neighbours", "crops")
RERANKINGS = ("centred", "whitened", "augmented")


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What narrows a search, and what becomes of its hits."""

    metric: Metric = Metric.COSINE
    where: str | None = None
    """A condition over the attributes in SQL; see :mod:`lookalike.search.filters`."""
    min_score: float | str | None = None
    """Hits below are left out: a finite number, or ``auto`` for those that are weak; see
    :mod:`lookalike.search.calibration`."""
    exclude: tuple[str, ...] = ()
    """Ids of items to leave out; those that the gallery does not hold do not matter."""
    expand: str | None = None
    """What ranks with the query; see :mod:`lookalike.search.ranking`. Scores stay those of the query itself."""
    rerank: str | None = None
    """How the best hits are ranked anew; see :mod:`lookalike.search.ranking`. Scores stay what they are."""
    collapse: bool = False
    """Fold each hit that is a copy or a near-duplicate of a better one into that."""
    diversity: float | None = None
    """From 0, likeness alone, to 1, difference from better hits alone; see
    :func:`lookalike.search.arrangement.diverse`."""
    sort: str | None = None
    """The attribute that puts the hits in order, descending after a ``-``; ranks stay those of likeness."""
    cursor: str | None = None
    """``start`` for the first page of a ranking, and what that says for the next."""
    reverse: bool = False
    """The least alike are wanted: they come first, found exactly whatever the index, and compared as a whole."""
    tiles: bool = True
    """Pictures are compared by their best part, where the gallery has tiles of them; by the whole with ``expand`` or
    ``rerank``."""

    def __post_init__(self) -> None:
        for name in ("where", "sort", "cursor"):
            text: Any = getattr(self, name)
            if text is not None and not isinstance(text, str):
                msg = f"{name} must be a text, got {text!r}"
                raise InputError(msg)
        _check_min_score(self.min_score, self.metric)
        _check_diversity(self.diversity, self.metric)
        for value, known, kind in ((self.expand, EXPANSIONS, "expansion"), (self.rerank, RERANKINGS, "re-ranking")):
            if value is not None and value not in known:
                raise UnknownNameError(kind, value, known)
        if (self.expand or self.rerank) and self.metric is not Metric.COSINE:
            msg = f"expansion and re-ranking are for cosine similarity, and the metric is {self.metric}; leave one out"
            raise InputError(msg)
        if self.reverse and not (self.is_plain and self.cursor is None and self.min_score != AUTO):
            msg = (
                "the least alike come as they are: leave reverse out, or expand, rerank, collapse, diversity, cursor "
                "and min_score 'auto'"
            )
            raise InputError(msg)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SearchOptions:
        """Return the options that JSON holds, by the names of the fields.

        Raises
        ------
        InputError : if an option cannot be used.
        """
        return cls(**{**values, "metric": as_metric(values["metric"]), "exclude": tuple(values["exclude"])})

    @property
    def is_plain(self) -> bool:
        """Whether hits stay as the metric ranks them."""
        return not (self.expand or self.rerank or self.collapse) and self.diversity is None


def _check_min_score(value: Any, metric: Metric) -> None:
    if value == AUTO:
        if metric is not Metric.COSINE:
            msg = f"min_score 'auto' is known for cosine similarity, and the metric is {metric}; give a number"
            raise InputError(msg)
        return
    if value is not None and not (isinstance(value, Real) and math.isfinite(value)):
        msg = f"min_score must be a finite number or 'auto', got {value!r}; leave it out to keep every hit"
        raise InputError(msg)


def _check_diversity(value: Any, metric: Metric) -> None:
    if value is None:
        return
    if not isinstance(value, Real) or not 0 <= float(value) <= 1:
        msg = f"diversity must be a number from 0 to 1, got {value!r}"
        raise InputError(msg)
    if metric is not Metric.COSINE:
        msg = f"diversity weighs cosine similarities, and the metric is {metric}; leave one out"
        raise InputError(msg)


def checked_k(k: Any) -> int:
    """Return the number of hits to find.

    Raises
    ------
    InputError : if it is no whole number of at least 1.
    """
    if not isinstance(k, Integral) or k < 1:
        msg = f"k must be a whole number of at least 1, got {k!r}"
        raise InputError(msg)
    return int(k)
