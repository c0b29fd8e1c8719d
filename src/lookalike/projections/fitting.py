"""Projections by name: ``rp:128``, ``srp:128``, ``rp:eps=0.2``, ``pca:128``, ``pca:128,whiten``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lookalike.errors import ShapeError
from lookalike.options import Options, parse_choice
from lookalike.plugins import Plugin, Registry

if TYPE_CHECKING:
    from lookalike.arrays import Vectors
    from lookalike.projections.linear import LinearProjection

PROJECTIONS = Registry(
    "projection",
    {
        "rp": Plugin("lookalike.projections.random_projection:fit_gaussian"),
        "srp": Plugin("lookalike.projections.random_projection:fit_sparse"),
        "pca": Plugin("lookalike.projections.pca:fit_pca"),
    },
)
"""Names to functions ``(vectors: Vectors, options: Options, *, seed: int) -> LinearProjection``."""


def fit_projection(spec: str, vectors: Vectors, *, seed: int = 0) -> LinearProjection:
    """Fit a projection to embeddings.

    Parameters
    ----------
    spec : ``rp:DIM`` or ``rp:eps=E`` (Gaussian), ``srp:DIM``, ``srp:eps=E``, with ``,density=D`` (sparse), ``pca:DIM``
        or ``pca:DIM,whiten``, or the name that a plug-in registered.
    vectors : shape (n, input dim), in memory, mapped from a file, or whatever has a shape and gives rows by arrays of
        positions; not modified.
    seed : the same seed and embeddings give the same projection.

    Raises
    ------
    UnknownNameError : if nothing has that name, or there is no such option.
    InputError : if the spec cannot be read, or does not fit the embeddings.
    ShapeError : if ``vectors`` is no matrix.

    Examples
    --------
    >>> import numpy as np
    >>> fit_projection("rp:2", np.eye(5, dtype=np.float32)).project(np.ones((3, 5))).shape
    (3, 2)
    """
    choice = parse_choice(spec)
    fit = PROJECTIONS.load(choice.name)
    if len(vectors.shape) != 2:
        expected = "(n, input dim)"
        raise ShapeError(expected, vectors.shape)
    projection: LinearProjection = fit(vectors, Options(choice), seed=seed)
    return replace(projection, spec=str(choice))
