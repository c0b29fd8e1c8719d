"""From proposed rows to neighbours with their true scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lookalike.indexes.base import Neighbors
from lookalike.indexes.exact import paired_scores

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.indexes.exact import ExactIndex

_FEW = 256
"""Up to so many proposals a query are scored in double precision at once; of more, the near ones are found first."""
_NUMBERS = 1 << 21
"""How many numbers of rows are held in double precision at once (16 MB)."""


def nearest_of(queries: Vectors, proposals: Positions, gallery: ExactIndex, k: int) -> Neighbors:
    """Return the ``k`` best of each query's proposals, equal scores in the order of positions.

    Parameters
    ----------
    queries : shape (q, dim), as they were asked.
    proposals : shape (q, any); -1 is no proposal, and a repeated one counts once.
    gallery : the rows, as they are scored.
    k : at least 1.

    Returns
    -------
    Neighbors of shape (q, k); the scores are those of an exact search.
    """
    proposals = np.sort(proposals, axis=1)
    is_new = proposals >= 0
    is_new[:, 1:] &= proposals[:, 1:] != proposals[:, :-1]
    result = Neighbors.padding(len(queries), k)
    if is_new.sum(axis=1).max(initial=0) > _FEW:
        for i in range(len(queries)):
            _search_subset(queries[i : i + 1], proposals[i, is_new[i]], gallery, _row(result, i))
        return result
    query, _ = np.nonzero(is_new)
    positions = proposals[is_new]
    scores = _scores(queries, query, positions, gallery)
    order = np.lexsort((positions, -scores, query))
    query, positions, scores = query[order], positions[order], scores[order]
    rank = np.arange(len(query)) - np.searchsorted(query, query)
    kept = rank < k
    result.positions[query[kept], rank[kept]] = positions[kept]
    result.scores[query[kept], rank[kept]] = scores[kept]
    return result


def _row(result: Neighbors, i: int) -> Neighbors:
    return Neighbors(result.positions[i], result.scores[i])


def _search_subset(query: Vectors, positions: Positions, gallery: ExactIndex, out: Neighbors) -> None:
    if len(positions) == 0:
        return
    found = gallery.subset(positions).search(query, len(out.positions))
    count = int((found.positions[0] >= 0).sum())
    out.positions[:count] = positions[found.positions[0, :count]]
    out.scores[:count] = found.scores[0, :count]


def _scores(queries: Vectors, query: npt.NDArray[np.int64], positions: Positions, gallery: ExactIndex) -> Vectors:
    """Score ``queries[query[i]]`` against the row at ``positions[i]``; shape of positions."""
    scores = np.empty(len(positions), np.float32)
    step = max(1, _NUMBERS // gallery.spec.dim)
    for start in range(0, len(positions), step):
        part = slice(start, start + step)
        rows = np.asarray(gallery.vectors[positions[part]])
        scores[part] = paired_scores(queries[query[part]], rows, gallery.spec.metric)
    return scores
