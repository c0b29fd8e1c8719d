"""The arrays that pass between the layers, and their checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

Vectors: TypeAlias = npt.NDArray[np.float32]
"""Shape (n, dim), float32, C-contiguous: one embedding a row."""

Positions: TypeAlias = npt.NDArray[np.int64]
"""Row numbers; -1 where there is no row."""


def as_vectors(values: npt.ArrayLike | Sequence[Any], *, dim: int | None = None) -> Vectors:
    """Return ``values`` as a float32 matrix; a single vector becomes a matrix of one row.

    Parameters
    ----------
    values : shape (n, dim) or (dim,), any real dtype; not modified.
    dim : the number of columns that is required, if any.

    Returns
    -------
    Shape (n, dim), float32, C-contiguous; a view of ``values`` where it already is that.

    Raises
    ------
    ShapeError : for any other shape.
    InputError : if a value is not finite.
    """
    array = np.ascontiguousarray(values, dtype=np.float32)
    if array.ndim == 1:
        array = array.reshape(1, -1)
    if array.ndim != 2 or (dim is not None and array.shape[1] != dim):
        expected = "(n, dim)" if dim is None else f"(n, {dim})"
        raise ShapeError(expected, array.shape)
    if not np.isfinite(array).all():
        msg = "embeddings hold values that are not finite (NaN or infinity); re-embed those items"
        raise InputError(msg)
    return array


def normalised(vectors: Vectors) -> Vectors:
    """Return the rows scaled to unit length; a row of zeros stays zero.

    Parameters
    ----------
    vectors : shape (n, dim); not modified.

    Returns
    -------
    Shape (n, dim), float32, a new array.
    """
    # float64 sums: the norm of a long float32 row loses digits that the ranking of near-copies needs
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    norms[norms == 0.0] = 1.0
    scaled = np.empty(vectors.shape, np.float32)
    # divided in float64 as well, without an array of that for all rows
    np.divide(vectors, norms[:, None], out=scaled, casting="same_kind")
    return scaled
