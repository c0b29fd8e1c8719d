"""Whole rankings of a gallery, some queries at a time, so that memory does not grow with their number.

Scores are cosines in double precision, rounded to float32, as searches return them; equal scores rank in the order of
rows, which is that of ids where the rows are a gallery's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lookalike.arrays import Positions, Vectors

_SCORES_HELD = 1 << 26
"""Each pass over the rows scores so many pairs at most (256 MB), or one query."""
_SCORES_SORTED = 1 << 21
_ROWS_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class Ranking:
    """All rows for each of some consecutive queries."""

    queries: slice
    order: Positions
    """Shape (b, n): the rows, best first; the query's own row is left out, and -1 stands at the end for it."""
    scores: Vectors
    """Shape (b, n), float32, in the order of rows."""

    def matches(self, codes: Positions, wanted: Positions) -> npt.NDArray[np.bool_]:
        """Return whether the row at each rank is what its query should find; shape (b, n).

        Parameters
        ----------
        codes : shape (n,): what each row is, as a number.
        wanted : shape (q,): what each of all queries should find.
        """
        return np.asarray((codes[self.order] == wanted[self.queries, None]) & (self.order >= 0))


def rankings(queries: Vectors, rows: Vectors, *, own: Positions | None = None) -> Iterator[Ranking]:
    """Rank all rows for each query by cosine similarity.

    Parameters
    ----------
    queries : shape (q, dim); in memory or mapped, as the rows.
    rows : shape (n, dim), n at least 1.
    own : shape (q,): the row that is the query itself, -1 for none; by default none.

    Yields
    ------
    The rankings, in the order of queries. Time is O(q n (dim + log n)); memory is that of 2**26 scores and of sorting
    2**21, or of one query if that is more, about 25 bytes a row.
    """
    held = max(1, _SCORES_HELD // len(rows))
    sorted_at_once = max(1, _SCORES_SORTED // len(rows))
    for first in range(0, len(queries), held):
        scores = _scores(queries[first : first + held], rows)
        for start in range(0, len(scores), sorted_at_once):
            block = scores[start : start + sorted_at_once]
            numbers = slice(first + start, first + start + len(block))
            yield _ranked(numbers, block, None if own is None else own[numbers])


def _scores(queries: Vectors, rows: Vectors) -> Vectors:
    asked = _unit(queries)
    scores: Vectors = np.empty((len(queries), len(rows)), np.float32)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        block = rows[start : start + _ROWS_AT_ONCE]
        scores[:, start : start + len(block)] = asked @ _unit(block).T
    return scores


def _ranked(numbers: slice, scores: Vectors, own: Positions | None) -> Ranking:
    if own is None:
        return Ranking(numbers, np.argsort(-scores, axis=1, kind="stable"), scores)
    items = np.flatnonzero(own >= 0)
    scores[items, own[items]] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")
    order[items, -1] = -1
    return Ranking(numbers, order, scores)


def _unit(vectors: Vectors) -> npt.NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    return wide / np.where(norms == 0.0, 1.0, norms)
