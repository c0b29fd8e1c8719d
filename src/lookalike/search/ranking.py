"""Other rankings than by cosine to the query: with an expanded query, or of the best hits anew.

Expansions, which ask the whole gallery again:

- ``neighbours``: with the query and its five best hits, weighted by their cosines to the power of 3 (alpha query
  expansion: Radenovic, Tolias and Chum, Fine-tuning CNN image retrieval with no human annotation, TPAMI 41(7), 2018);
- ``crops``: with the mean of the picture and crops of it; see :mod:`lookalike.search.crops`.

Re-rankings, of the best hits:

- ``centred``: by cosine after the gallery's mean is subtracted, so that what all images share does not count;
- ``whitened``: after a projection to 64 principal components of equal variance (Jegou and Chum, Negative evidences and
  co-occurrences in image retrieval, ECCV 2012);
- ``augmented``: with each hit as the weighted mean of itself and its ten nearest images (Turcot and Lowe, Better
  matching with fewer features, ICCV workshops 2009; weighted as above).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookalike.arrays import normalised
from lookalike.indexes.scoring import score_candidates
from lookalike.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.search.view import Selection, View

_EXPANDED_BY, _AUGMENTED_BY = 5, 10
_ALPHA = 3
_SAMPLE = 10_000
_COMPONENTS = 64
_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Ranked:
    """Rows for one query, in no certain order; each array of shape (n,)."""

    row_ids: Positions
    scores: Vectors
    """Of the query itself."""
    relevance: Vectors
    """What they are ranked by."""


class Ranker:
    """Ranks the rows of one version in other ways; what a way needs to know of them is found out once."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._spaces: dict[str, Callable[[Vectors], Vectors]] = {}

    def rank(
        self,
        queries: tuple[Vectors, Vectors],
        depth: int,
        selected: Selection | None,
        ways: tuple[str | None, str | None],
    ) -> Ranked:
        """Return the best rows for one query.

        Parameters
        ----------
        queries : the query, and what is to rank with it, which is the same if nothing is; each of shape (1, dim).
        depth : how many rows to rank.
        selected : only these rows; None: all.
        ways : the expansion and the re-ranking.
        """
        query, asked = queries
        expand, rerank = ways
        if expand == "neighbours":
            asked = self._with_neighbours(asked, selected)
        row_ids, relevance = _best(*self._view.nearest(asked, depth, selected), depth)
        vectors = self._view.store.embeddings(row_ids.astype(np.uint64))
        if rerank == "augmented":
            relevance = _cosines(asked, self._augmented(row_ids, vectors))
        elif rerank is not None:
            space = self._space(rerank)
            relevance = _cosines(space(normalised(asked)), space(normalised(vectors)))
        return Ranked(row_ids, _cosines(query, vectors), relevance)

    def _with_neighbours(self, query: Vectors, selected: Selection | None) -> Vectors:
        row_ids, scores = _best(*self._view.nearest(query, _EXPANDED_BY, selected), _EXPANDED_BY)
        vectors = normalised(self._view.store.embeddings(row_ids.astype(np.uint64)))
        return np.asarray(normalised(query) + _weights(scores) @ vectors, np.float32)

    def _augmented(self, row_ids: Positions, vectors: Vectors) -> Vectors:
        result = normalised(vectors)
        for start in range(0, len(row_ids), _BLOCK):
            own = row_ids[start : start + _BLOCK, None]
            near, scores = self._view.nearest(vectors[start : start + _BLOCK], _AUGMENTED_BY + 1)
            scores = np.where((near < 0) | (near == own), -np.inf, scores)  # which has no weight
            order = np.argsort(-scores, axis=1, kind="stable")[:, :_AUGMENTED_BY]
            near = np.take_along_axis(np.where(near < 0, own, near), order, axis=1)
            known, places = np.unique(near, return_inverse=True)
            rows = normalised(self._view.store.embeddings(known.astype(np.uint64)))[places.reshape(near.shape)]
            weights = _weights(np.take_along_axis(scores, order, axis=1))
            result[start : start + _BLOCK] += np.einsum("ij,ijd->id", weights, rows)
        return result

    def _space(self, name: str) -> Callable[[Vectors], Vectors]:
        if name not in self._spaces:
            sample = normalised(self._view.store.embeddings(self._view.sample(_SAMPLE)))
            self._spaces[name] = _centring(sample) if name == "centred" else _whitening(sample)
        return self._spaces[name]


def _centring(sample: Vectors) -> Callable[[Vectors], Vectors]:
    mean = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
    return lambda vectors: vectors - mean


def _whitening(sample: Vectors) -> Callable[[Vectors], Vectors]:
    from lookalike.projections.fitting import fit_projection

    return fit_projection(f"pca:{min(_COMPONENTS, sample.shape[1])},whiten", sample).project


def _best(row_ids: Positions, scores: Vectors, count: int) -> tuple[Positions, Vectors]:
    """Return what one query found, shapes (1, n), without padding and no more than so many, best first."""
    found = np.flatnonzero(row_ids[0] >= 0)
    order = found[np.argsort(-scores[0, found], kind="stable")[:count]]
    return row_ids[0, order], scores[0, order]


def _weights(cosines: Vectors) -> npt.NDArray[np.float32]:
    return np.maximum(cosines, 0.0) ** _ALPHA


def _cosines(query: Vectors, rows: Vectors) -> Vectors:
    scores: Vectors = score_candidates(query, rows, np.arange(len(rows))[None], Metric.COSINE)[0]
    return scores
