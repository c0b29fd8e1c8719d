"""Measures by their names, and their means over queries with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import InputError
from lookalike.evaluation.bootstrap import bootstrap_intervals
from lookalike.evaluation.measures import (
    average_precision,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
    reciprocal_rank,
)
from lookalike.search.options import checked_k

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from lookalike.arrays import Positions
    from lookalike.evaluation.measures import Counts, Matches, PerQuery

PRECISION, RECALL, AVERAGE_PRECISION, RECIPROCAL_RANK, NDCG = "precision", "recall", "map", "mrr", "ndcg"
_SHOWN_AS = {PRECISION: "P", RECALL: "recall", AVERAGE_PRECISION: "mAP", RECIPROCAL_RANK: "MRR", NDCG: "nDCG"}


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of :mod:`lookalike.evaluation.measures`."""

    name: str
    """As in JSON."""
    k: int | None = None
    """None for a measure of the whole ranking."""

    def __str__(self) -> str:
        return _SHOWN_AS[self.name] + ("" if self.k is None else f"@{self.k}")

    def of(self, matches: Matches, relevant: Counts) -> PerQuery:
        """Return its value for each query.

        Parameters
        ----------
        matches : shape (q, n).
        relevant : shape (q,), at least 1 each.
        """
        if self.name == AVERAGE_PRECISION:
            return average_precision(matches, relevant)
        if self.name == RECIPROCAL_RANK:
            return reciprocal_rank(matches)
        k = self.k or 1
        if self.name == PRECISION:
            return precision_at_k(matches, k)
        return (recall_at_k if self.name == RECALL else ndcg_at_k)(matches, k, relevant)


def measures_at(ks: Sequence[int]) -> list[Measure]:
    """Return all measures, those of the first k hits for each of ``ks``.

    Raises
    ------
    InputError : if one is no whole number of at least 1, or there is none.
    """
    each = sorted({checked_k(k) for k in ks})
    if not each:
        msg = "no k was given to measure the first k hits at; give some, as in k=(1, 5, 10)"
        raise InputError(msg)
    return [
        *(Measure(PRECISION, k) for k in each),
        *(Measure(RECALL, k) for k in each),
        Measure(AVERAGE_PRECISION),
        Measure(RECIPROCAL_RANK),
        *(Measure(NDCG, k) for k in each),
    ]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries, and its 95 % interval; see :func:`lookalike.evaluation.bootstrap.bootstrap_intervals`."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The measures of some queries."""

    queries: int
    estimates: Mapping[Measure, Estimate]

    def to_dict(self) -> dict[str, Any]:
        """Return the means by measure and k, and under ``intervals`` their bounds, as JSON-ready values."""
        means = {measure: _rounded(estimate.mean) for measure, estimate in self.estimates.items()}
        bounds = {
            measure: [_rounded(estimate.low), _rounded(estimate.high)] for measure, estimate in self.estimates.items()
        }
        return {"queries": self.queries, **_by_k(means), "intervals": _by_k(bounds)}


def scorecard(values: npt.NDArray[np.float64], measures: Sequence[Measure]) -> Scorecard:
    """Return the means over queries, with their intervals.

    Parameters
    ----------
    values : shape (q, m), q at least 1.
    measures : of the m columns.
    """
    low, high = bootstrap_intervals(values).tolist()
    means = values.mean(axis=0).tolist()
    estimates = map(Estimate, means, low, high)
    return Scorecard(len(values), dict(zip(measures, estimates, strict=True)))


def _by_k(values: Mapping[Measure, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for measure, value in values.items():
        if measure.k is None:
            nested[measure.name] = value
        else:
            nested.setdefault(measure.name, {})[str(measure.k)] = value
    return nested


def scorecards(
    values: npt.NDArray[np.float64], measures: Sequence[Measure], groups: Positions, names: Sequence[str]
) -> dict[str, Scorecard]:
    """Return the means over the queries of each group, by the group's name, in the order of names.

    Parameters
    ----------
    values : shape (q, m).
    measures : of the m columns.
    groups : shape (q,): the position of each query's group in ``names``.
    names : of the groups; one without queries is left out.
    """
    order = np.argsort(groups, kind="stable")
    present, starts = np.unique(groups[order], return_index=True)
    parts = np.split(values[order], starts[1:])
    found = {names[group]: scorecard(part, measures) for group, part in zip(present.tolist(), parts, strict=True)}
    return dict(sorted(found.items()))


def _rounded(value: float) -> float:
    return round(value, 6)  # sums of many fractions end in digits that say nothing
