"""How well queries find the rows of a gallery that are relevant to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookalike.evaluation.ranking import rankings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.building.report import Progress
    from lookalike.evaluation.measures import Counts, PerQuery
    from lookalike.evaluation.scorecard import Measure

    Codes = Positions
    """What each row is, such as its label, as a number; -1: unknown."""

SHOWN = 5
"""Hits of each query that are kept."""
_QUERIES_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class Asked:
    """Queries, each of which should find the rows of a gallery with one code."""

    vectors: Vectors
    """Shape (any, dim), in memory or mapped."""
    numbers: Positions
    """Shape (q,): which rows of ``vectors`` ask."""
    wanted: Codes
    """Shape (q,); relevant are the rows of the gallery with the same code."""
    own: Positions
    """Shape (q,): the row of the gallery that is the query itself, and never a hit; -1: none."""

    def having(self, chosen: npt.NDArray[np.bool_]) -> Asked:
        """Return those queries for which ``chosen``, of shape (q,), is True."""
        return Asked(self.vectors, self.numbers[chosen], self.wanted[chosen], self.own[chosen])

    def chance(self, codes: Codes) -> float:
        """Return the mean share of relevant rows among those that may be hits."""
        return float(np.mean(self.relevant(codes) / (len(codes) - (self.own >= 0))))

    def relevant(self, codes: Codes) -> Counts:
        """Return how many rows of the gallery are relevant to each query; shape (q,)."""
        counts = np.bincount(codes[codes >= 0], minlength=1 + max(0, self.wanted.max(initial=0)))
        is_own = (self.own >= 0) & (codes[self.own] == self.wanted)
        return np.where(self.wanted >= 0, counts[self.wanted] - is_own, 0)


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of some queries."""

    measures: Sequence[Measure]
    values: npt.NDArray[np.float64]
    """Shape (q, m): each measure of each query."""
    hits: Positions
    """Shape (q, at most SHOWN): the first rows found, best first; -1 where there is none."""
    scores: Vectors
    """Of the hits; shape as theirs."""
    matches: npt.NDArray[np.bool_]
    """Which of the hits are relevant; shape as theirs."""

    def of(self, measure: Measure) -> PerQuery:
        """Return one of the measures of each query."""
        return self.values[:, list(self.measures).index(measure)]


def judge(asked: Asked, rows: Vectors, codes: Codes, *, measures: Sequence[Measure], progress: Progress) -> Judged:
    """Rank the whole gallery for each query, and measure how far up its relevant rows are.

    Parameters
    ----------
    asked : at least one query, each with a relevant row.
    rows : shape (n, dim), in memory or mapped; equal scores rank in their order.
    codes : shape (n,).
    measures : m of them.
    progress : told of the queries.
    """
    progress.expect(len(asked.numbers))
    relevant = asked.relevant(codes)
    values, hits, scores, right = [], [], [], []
    for start in range(0, len(asked.numbers), _QUERIES_AT_ONCE):
        some = slice(start, start + _QUERIES_AT_ONCE)
        wanted, counts = asked.wanted[some], relevant[some]
        for ranking in rankings(asked.vectors[asked.numbers[some]], rows, own=asked.own[some]):
            matches = ranking.matches(codes, wanted)
            values.append(np.stack([measure.of(matches, counts[ranking.queries]) for measure in measures], axis=1))
            hits.append(ranking.order[:, :SHOWN].copy())
            scores.append(np.take_along_axis(ranking.scores, hits[-1], axis=1))
            right.append(matches[:, :SHOWN].copy())
            progress.advance(len(matches), failed=0)
    return Judged(measures, np.concatenate(values), np.concatenate(hits), np.concatenate(scores), np.concatenate(right))


def confusion(wanted: Codes, found: Codes, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Count how often each label is found for each, by the names of the one that asks and of the one that is found.

    Parameters
    ----------
    wanted : shape (q,): the label of each query.
    found : shape (q,): that of what it finds, -1 for none, which is not counted.
    names : of the labels.

    Returns
    -------
    Counts above 0, the names in order: ``counts[asked][found]``.
    """
    known = found >= 0
    pairs, counts = np.unique(np.stack([wanted[known], found[known]], axis=1), axis=0, return_counts=True)
    matrix: dict[str, dict[str, int]] = {names[asked]: {} for asked in np.unique(wanted).tolist()}
    for (asked, hit), count in zip(pairs.tolist(), counts.tolist(), strict=True):
        matrix[names[asked]][names[hit]] = count
    return {asked: dict(sorted(row.items())) for asked, row in sorted(matrix.items())}
