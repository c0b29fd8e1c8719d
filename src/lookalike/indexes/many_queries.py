"""The candidates of many queries: FAISS multiplies block by block and keeps the best while they are in the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lookalike.indexes.faiss_library import faiss
from lookalike.indexes.threads import on_all_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors

    Part = Callable[[], tuple[Positions, Vectors]]

_SPARE = 8
"""So many more than k are kept: where fewer come near the k-th, none can have been lost to rounding."""


def candidates_of_many(
    queries: Vectors, parts: Sequence[Part], k: int, slack: npt.NDArray[np.float32]
) -> tuple[Positions, npt.NDArray[np.bool_]]:
    """Return the rows of the largest products with each query.

    Parameters
    ----------
    queries : shape (q, dim).
    parts : each returns the positions of some rows, shape (m,), and the rows, shape (m, dim); called in threads.
    k : at least 1.
    slack : shape (q,): how far two products may lie apart whose order rounding could have changed.

    Returns
    -------
    Shape (q, k + 8), ascending, -1 for none; and shape (q,): whether all rows that may belong to the k best are among
    them.
    """
    count = k + _SPARE
    best = np.full((len(queries), count), -np.inf, np.float32)
    found = np.full((len(queries), count), -1, np.int64)
    # a core for each part, rather than all cores for each product, divides the work between the products as well
    for scores, positions in on_all_cores(lambda part: _best_of(queries, part, count), parts):
        best = np.concatenate([best, scores], axis=1)
        found = np.concatenate([found, positions], axis=1)
        kept = np.argpartition(-best, count - 1, axis=1)[:, :count]
        best, found = np.take_along_axis(best, kept, axis=1), np.take_along_axis(found, kept, axis=1)
    kth, last = np.partition(best, [0, _SPARE], axis=1)[:, [_SPARE, 0]].T
    with np.errstate(invalid="ignore"):  # of minus infinities, where there are fewer rows
        return np.sort(found, axis=1), (last < kth - slack) | (last == -np.inf)


def _best_of(queries: Vectors, part: Part, count: int) -> tuple[Vectors, Positions]:
    positions, rows = part()
    if len(rows) == 0:
        return np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
    scores, columns = faiss.knn(queries, rows, min(count, len(rows)), faiss.METRIC_INNER_PRODUCT)
    return scores, positions[columns]
