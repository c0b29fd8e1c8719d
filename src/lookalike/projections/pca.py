"""Principal components: the directions along which the embeddings differ most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lookalike.arrays import as_vectors
from lookalike.errors import InputError
from lookalike.projections.linear import LinearProjection
from lookalike.projections.random_projection import asked_dimension

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.options import Options

_ROWS = 8_192
_SAMPLE = 100_000
_NEGLIGIBLE = 1e-9
"""Share of the largest variance below which a direction holds nothing but rounding."""


def fit_pca(vectors: Vectors, options: Options, *, seed: int) -> LinearProjection:
    """Find the principal components.

    Parameters
    ----------
    vectors : shape (n, input dim), n at least 1, in memory or mapped; of more than 100,000 rows a sample is used.
    options : ``DIM``, and ``whiten`` to scale every component to variance 1 (one without variance becomes zero).
    seed : of the sample.

    Notes
    -----
    The eigenvectors of the covariance matrix, in double precision; time O(n d^2 + d^3), memory O(d^2). Each one's sign
    is such that its largest entry is positive.

    Raises
    ------
    InputError : if the options are not those, or more dimensions would come out than go in.
    """
    options.refuse_others()
    dim, rest = asked_dimension(options, vectors.shape[1])
    if rest not in ((), ("whiten",)):
        msg = f"pca takes a dimension and the word whiten, as in pca:128,whiten, got {','.join(rest)!r}"
        raise InputError(msg)
    if len(vectors) == 0:
        msg = "principal components need at least one embedding, got none"
        raise InputError(msg)
    mean, covariance = _moments(vectors, seed)
    variances, directions = np.linalg.eigh(covariance)
    variances, directions = variances[::-1][:dim], directions.T[::-1][:dim]
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    directions = directions * np.where(largest < 0, -1.0, 1.0)
    if rest:
        has_variance = variances > _NEGLIGIBLE * max(float(variances[0]), np.finfo(np.float64).tiny)
        scales = np.zeros_like(variances)
        scales[has_variance] = 1 / np.sqrt(variances[has_variance])
        directions = directions * scales[:, None]
    return LinearProjection(options.name, np.ascontiguousarray(directions, np.float32), mean.astype(np.float32))


def _moments(vectors: Vectors, seed: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the mean and the covariance of the rows, or of a sample of many."""
    chosen = np.arange(len(vectors))
    if len(vectors) > _SAMPLE:
        chosen = np.sort(np.random.default_rng(seed).choice(len(vectors), _SAMPLE, replace=False))
    parts = [chosen[start : start + _ROWS] for start in range(0, len(chosen), _ROWS)]
    mean = np.zeros(vectors.shape[1])
    for part in parts:
        mean += as_vectors(vectors[part]).sum(axis=0, dtype=np.float64)
    mean /= len(chosen)
    covariance = np.zeros((vectors.shape[1], vectors.shape[1]))
    for part in parts:
        centred = vectors[part] - mean
        covariance += centred.T @ centred
    return mean, covariance / max(len(chosen) - 1, 1)
