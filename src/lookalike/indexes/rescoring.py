"""From proposed rows to neighbours with their true scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lookalike.indexes.base import Neighbors
from lookalike.indexes.scoring import WideQueries, ranked, score_candidates

if TYPE_CHECKING:
    from lookalike.arrays import Positions, Vectors
    from lookalike.indexes.exact import ExactIndex

_FEW = 256
"""Up to so many proposals a query are scored in double precision at once; of more, the near ones are found first."""


def nearest_of(queries: Vectors | WideQueries, proposals: Positions, gallery: ExactIndex, k: int) -> Neighbors:
    """Return the ``k`` best of each query's proposals, equal scores in the order of positions.

    Parameters
    ----------
    queries : shape (q, dim), as they were asked; widened or not.
    proposals : shape (q, any); -1 is no proposal, and a repeated one counts once.
    gallery : the rows, as they are scored.
    k : at least 1.

    Returns
    -------
    Neighbors of shape (q, k); the scores are those of an exact search.
    """
    proposals = np.sort(proposals, axis=1)
    is_repeated = proposals[:, 1:] == proposals[:, :-1]
    if is_repeated.any():
        proposals[:, 1:][is_repeated] = -1
    if proposals.shape[1] > _FEW and (proposals >= 0).sum(axis=1).max(initial=0) > _FEW:
        result = Neighbors.padding(len(queries), k)
        vectors = queries.vectors if isinstance(queries, WideQueries) else queries
        for i in range(len(vectors)):
            _search_subset(vectors[i : i + 1], proposals[i][proposals[i] >= 0], gallery, _row(result, i))
        return result
    return ranked(proposals, score_candidates(queries, gallery.by_position, proposals, gallery.spec.metric), k)


def _row(result: Neighbors, i: int) -> Neighbors:
    return Neighbors(result.positions[i], result.scores[i])


def _search_subset(query: Vectors, positions: Positions, gallery: ExactIndex, out: Neighbors) -> None:
    if len(positions) == 0:
        return
    found = gallery.subset(positions).search(query, len(out.positions))
    count = int((found.positions[0] >= 0).sum())
    out.positions[:count] = positions[found.positions[0, :count]]
    out.scores[:count] = found.scores[0, :count]
