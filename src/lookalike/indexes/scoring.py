"""The scores that searches return: of chosen rows for each query, in double precision.

A score depends on nothing but its own query and row, to the last digit, whoever asks for it and in whatever company.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.indexes.base import Neighbors
from lookalike.metric import Metric

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors

    Doubles = npt.NDArray[np.float64]

_FETCHED = 1 << 21
"""How many numbers of rows are read at once (8 MB)."""
_WIDENED = 1 << 17
"""How many of them are held in double precision at once: a core's cache holds them (1 MB)."""
_SHORTEST = 1e-300
"""Less than any product of two lengths but 0, for which it stands: the score of a row of zeros is 0."""
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True, eq=False)
class WideQueries:
    """Queries in double precision: widened once, for all that is computed of them."""

    vectors: Vectors
    """Shape (q, dim), float32: as they were asked."""
    wide: Doubles
    """Shape (q, dim), float64."""
    lengths: Doubles
    """Shape (q,), float64: the Euclidean lengths."""

    @classmethod
    def of(cls, queries: Vectors) -> WideQueries:
        """Widen queries of shape (q, dim)."""
        wide = queries.astype(np.float64)
        return cls(queries, wide, lengths_of(wide))

    def __len__(self) -> int:
        return len(self.wide)

    def __getitem__(self, part: slice) -> WideQueries:
        return WideQueries(self.vectors[part], self.wide[part], self.lengths[part])

    def directions(self) -> Vectors:
        """Return the queries at unit length; shape (q, dim), float32, where a query of zeros stays zero."""
        lengths = self.lengths[:, None]
        if not lengths.all():
            lengths = np.where(lengths == 0.0, 1.0, lengths)
        return np.divide(self.wide, lengths).astype(np.float32)


def score_candidates(queries: Vectors | WideQueries, rows: Any, positions: Positions, metric: Metric) -> Vectors:
    """Score some rows for each query.

    Parameters
    ----------
    queries : shape (q, dim), float32, or widened.
    rows : shape (n, dim), in memory, mapped, or anything that gives rows by arrays of positions.
    positions : shape (q, c): the rows to score; -1 for none.
    metric : how they are compared.

    Returns
    -------
    Shape (q, c), float32, finite; -inf for none.
    """
    if positions.size == 0 or len(rows) == 0:
        return np.full(positions.shape, -np.inf, np.float32)
    asked = queries if isinstance(queries, WideQueries) else WideQueries.of(queries)
    numbers = positions.shape[1] * asked.wide.shape[1]
    if len(asked) == 1 and numbers <= _WIDENED:
        scores = _scored(asked, rows[positions[0]].astype(np.float64)[None], metric)
    else:
        scores = _scored_in_parts(asked, rows, positions, metric)
    scores[positions < 0] = -np.inf
    return scores


def _scored_in_parts(asked: WideQueries, rows: Any, positions: Positions, metric: Metric) -> Vectors:
    numbers = positions.shape[1] * asked.wide.shape[1]
    fetched, widened = max(1, _FETCHED // numbers), max(1, _WIDENED // numbers)
    scored = []
    for first in range(0, len(asked), fetched):
        chosen = positions[first : first + fetched]  # of -1 the last row, whose score is dropped below
        part = np.asarray(rows[chosen.reshape(-1)]).reshape(*chosen.shape, -1)
        for start in range(0, len(part), widened):
            targets = part[start : start + widened].astype(np.float64)
            scored.append(_scored(asked[first + start : first + start + len(targets)], targets, metric))
    return np.concatenate(scored)


def ranked(positions: Positions, scores: Vectors, k: int) -> Neighbors:
    """Return the ``k`` best of each query, equal scores in the order of positions.

    Parameters
    ----------
    positions : shape (q, c), ascending in each row.
    scores : shape (q, c); -inf where there is nothing.
    k : at least 1.

    Returns
    -------
    Neighbors of shape (q, k).
    """
    order = (-scores).argsort(axis=1, kind="stable")[:, :k]
    if len(order) == 1:
        best, found = scores[:, order[0]], positions[:, order[0]]
    else:
        query = np.arange(len(order))[:, None]
        best, found = scores[query, order], positions[query, order]
    found[best == -np.inf] = -1
    if order.shape[1] == k:
        return Neighbors(found, best)
    result = Neighbors.padding(len(positions), k)
    result.scores[:, : order.shape[1]], result.positions[:, : order.shape[1]] = best, found
    return result


def row_norms(vectors: Vectors) -> npt.NDArray[np.float32]:
    """Return the Euclidean lengths; shape (n,), float32."""
    with np.errstate(over="ignore"):  # infinity tells a search to work in double precision
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
        return np.asarray(lengths, dtype=np.float32)


def lengths_of(wide: Doubles) -> Doubles:
    """Return the Euclidean lengths of vectors in double precision; shape (..., dim) to (...)."""
    # products of one vector with one, and none of matrices, whose order of sums and so the last digit depend on others
    return np.asarray(np.sqrt(np.vecdot(wide, wide)))


def _scored(asked: WideQueries, rows: Doubles, metric: Metric) -> Vectors:
    """Score rows of shape (q, c, dim) for q queries."""
    queries = asked.wide[:, None]
    if metric is Metric.L2:
        return _as_float32(-lengths_of(rows - queries), _LARGEST)
    products = np.vecdot(rows, queries)
    if metric is Metric.INNER_PRODUCT:
        return _as_float32(products, _LARGEST)
    lengths = lengths_of(rows)
    lengths *= asked.lengths[:, None]
    np.maximum(lengths, _SHORTEST, out=lengths)
    products /= lengths
    return _as_float32(products, 1.0)


def _as_float32(scores: Doubles, largest: float) -> Vectors:
    # no score is infinite, and none is the negative zero, which would be shown with its sign
    finite: Vectors = scores.clip(-largest, largest).astype(np.float32)
    finite += 0.0
    return finite
