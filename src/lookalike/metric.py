"""How two embeddings are compared: one direction for all metrics, a larger score is more alike."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from lookalike.arrays import normalised
from lookalike.errors import UnknownNameError

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.arrays import Vectors


class Metric(str, Enum):
    """The comparison of two embeddings, as a score."""

    COSINE = "cosine"
    """The cosine of the angle, in [-1, 1]."""
    INNER_PRODUCT = "inner-product"
    """The inner product, unbounded."""
    L2 = "l2"
    """The Euclidean distance with its sign changed, so at most 0."""

    def __str__(self) -> str:
        return self.value


def as_metric(name: Metric | str) -> Metric:
    """Return the metric of that name.

    Raises
    ------
    UnknownNameError : if there is none.
    """
    try:
        return Metric(name)
    except ValueError:
        kind = "metric"
        raise UnknownNameError(kind, str(name), [metric.value for metric in Metric]) from None


def prepare(vectors: Vectors, metric: Metric) -> Vectors:
    """Return the rows as the metric compares them: of unit length for cosine, as they are otherwise."""
    return normalised(vectors) if metric is Metric.COSINE else vectors


def score_matrix(queries: Vectors, gallery: Vectors, metric: Metric) -> npt.NDArray[np.float64]:
    """Score every query against every gallery row, in double precision: the reference that indexes are held to.

    Parameters
    ----------
    queries : shape (q, dim).
    gallery : shape (n, dim).
    metric : how rows are compared.

    Returns
    -------
    Shape (q, n), float64; entry ``[i, j]`` is the score of ``queries[i]`` and ``gallery[j]``, larger is more alike.
    Time and memory grow with q times n.
    """
    left = prepare(queries, metric).astype(np.float64)
    right = prepare(gallery, metric).astype(np.float64)
    if metric is Metric.L2:
        squared = np.square(left[:, None, :] - right[None, :, :]).sum(axis=2)
        return np.asarray(-np.sqrt(squared))
    return np.asarray(left @ right.T)
