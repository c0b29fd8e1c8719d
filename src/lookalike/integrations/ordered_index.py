"""A FAISS index whose hits are those of a gallery, also among equal scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.indexes.faiss_library import faiss
from lookalike.metric import Metric

if TYPE_CHECKING:
    from lookalike.arrays import Positions, Vectors

_Index: Any = faiss.IndexPreTransform  # typed in some releases of FAISS, and not as it behaves


class OrderedIndex(_Index):  # type: ignore[misc]  # see above
    """An empty exact index that keeps rows of equal score in the order they were added; FAISS keeps them in none.

    Parameters
    ----------
    dim : of the vectors.
    metric : for cosine, added rows and queries are scaled to unit length by the index itself.

    Notes
    -----
    The order is that of this class: what ``faiss.read_index`` reads after ``faiss.write_index`` has the same rows and
    scores, and leaves equal scores as FAISS does.
    """

    def __init__(self, dim: int, metric: Metric) -> None:
        rows = faiss.IndexFlatL2(dim) if metric is Metric.L2 else faiss.IndexFlatIP(dim)
        scale = (faiss.NormalizationTransform(dim, 2.0),) if metric is Metric.COSINE else ()
        super().__init__(*scale, rows)

    def search(self, queries: Vectors, k: int, **options: Any) -> tuple[Vectors, Positions]:
        """Return the scores and the positions of the nearest rows, best first.

        Parameters
        ----------
        queries : shape (q, dim), float32.
        k : at least 1; beyond the number of rows the tail is padded with -1.
        options : what else ``faiss.Index.search`` takes.

        Returns
        -------
        Both of shape (q, k). Scores are cosines or inner products, larger is more alike; for l2 they are squared
        distances, as FAISS gives them, smaller is more alike.
        """
        wanted = k + 1
        while True:
            scores, positions = super().search(queries, wanted, **options)
            is_tied = (positions[:, -1] >= 0) & (scores[:, -1] == scores[:, k - 1])
            if wanted > self.ntotal or not is_tied.any():
                break
            wanted = 2 * wanted  # rows that tie with the last one were perhaps left out
        last = np.iinfo(np.int64).max
        keys = scores if self.metric_type == faiss.METRIC_L2 else -scores
        order = np.lexsort((np.where(positions < 0, last, positions), keys))[:, :k]
        return np.take_along_axis(scores, order, 1), np.take_along_axis(positions, order, 1)
