"""Measures of a ranking whose hits are relevant or not, one value a query; their means are what is reported.

A ranking has no ties left: :mod:`lookalike.evaluation.ranking` puts equal scores in the order of ids. What papers on
metric learning call Recall@K, whether any of the first k is relevant, is none of these; at k = 1 it is the precision.

Source of the definitions: Manning, Raghavan and Schütze, Introduction to Information Retrieval (2008), chapter 8.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError, ShapeError

Matches: TypeAlias = npt.NDArray[np.bool_]
"""Shape (q, n): whether the hit at each rank is relevant to its query, best hit first."""

PerQuery: TypeAlias = npt.NDArray[np.float64]
"""Shape (q,), in [0, 1]."""

Counts: TypeAlias = npt.NDArray[np.int64]
"""Shape (q,): how many items are relevant to each query, also those beyond the ranks that are looked at."""


def precision_at_k(matches: Matches, k: int) -> PerQuery:
    """Return the share of relevant ones among the first k hits; where there are fewer than k, the rest are misses.

    Parameters
    ----------
    matches : shape (q, n).
    k : at least 1.

    Examples
    --------
    >>> precision_at_k(np.array([[True, False, True]]), 2)
    array([0.5])
    """
    return np.asarray(_first(matches, k).sum(axis=1) / k, np.float64)


def recall_at_k(matches: Matches, k: int, relevant: Counts | None = None) -> PerQuery:
    """Return the share of all relevant items that is among the first k hits; NaN for a query without any.

    The divisor is their whole number, also where it is larger than k.

    Parameters
    ----------
    matches : shape (q, n).
    k : at least 1.
    relevant : shape (q,); by default those in ``matches``, which is right where everything is ranked.
    """
    return _share(_first(matches, k).sum(axis=1).astype(np.float64), _relevant(matches, relevant))


def average_precision(matches: Matches, relevant: Counts | None = None) -> PerQuery:
    """Return the mean over all relevant items of the precision at their ranks; NaN for a query without any.

    One that is not ranked counts as 0. The mean over the queries is the mean average precision, mAP.

    Parameters
    ----------
    matches : shape (q, n).
    relevant : shape (q,); by default those in ``matches``, which is right where everything is ranked.

    Examples
    --------
    >>> average_precision(np.array([[True, False, True]]))
    array([0.83333333])
    """
    checked = _matches(matches)
    ranks = np.arange(1, checked.shape[1] + 1)
    at_hits = np.where(checked, np.cumsum(checked, axis=1) / ranks, 0.0)
    return _share(at_hits.sum(axis=1), _relevant(checked, relevant))


def reciprocal_rank(matches: Matches) -> PerQuery:
    """Return 1 divided by the rank of the first relevant hit, and 0 where there is none; the mean is the MRR.

    Parameters
    ----------
    matches : shape (q, n).

    Examples
    --------
    >>> reciprocal_rank(np.array([[False, True], [False, False]]))
    array([0.5, 0. ])
    """
    checked = _matches(matches)
    if checked.shape[1] == 0:
        return np.zeros(len(checked))
    return np.where(checked.any(axis=1), 1.0 / (checked.argmax(axis=1) + 1), 0.0)


def ndcg_at_k(matches: Matches, k: int, relevant: Counts | None = None) -> PerQuery:
    """Return the discounted cumulative gain of the first k hits divided by the best possible one.

    A hit gains 1 if it is relevant and 0 otherwise; the best ranking has all relevant items first. NaN for a query
    without any.

    Parameters
    ----------
    matches : shape (q, n).
    k : at least 1.
    relevant : shape (q,); by default those in ``matches``, which is right where everything is ranked.

    Notes
    -----
    The gain at rank r is divided by log2(r + 1): Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR
    techniques, ACM TOIS 20(4), 2002.
    """
    first = _first(matches, k)
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])
    counts = np.minimum(_relevant(matches, relevant), k)
    return _share(first @ discounts[: first.shape[1]], ideal[counts])


def _matches(matches: Matches) -> Matches:
    array = np.asarray(matches)
    if array.ndim != 2:
        expected = "(queries, ranks)"
        raise ShapeError(expected, array.shape)
    return array.astype(np.bool_, copy=False)


def _first(matches: Matches, k: int) -> Matches:
    if k < 1:
        msg = f"k must be at least 1, got {k}"
        raise InputError(msg)
    return _matches(matches)[:, :k]


def _relevant(matches: Matches, relevant: Counts | None) -> Counts:
    checked = _matches(matches)
    found: Counts = checked.sum(axis=1)
    if relevant is None:
        return found
    counts = np.asarray(relevant, np.int64)
    if counts.shape != found.shape:
        raise ShapeError(str(found.shape), counts.shape)
    if (counts < found).any():
        msg = "a query has more relevant hits than there are said to be relevant items; count all of these"
        raise InputError(msg)
    return counts


def _share(parts: PerQuery, wholes: npt.NDArray[np.int64] | PerQuery) -> PerQuery:
    shares: PerQuery = np.full(len(parts), np.nan)
    np.divide(parts, wholes, out=shares, where=wholes > 0)
    return shares
