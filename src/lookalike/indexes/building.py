"""Indexes by name: built from rows, and opened again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lookalike.errors import InputError, ShapeError
from lookalike.indexes.approximate import ApproximateIndex
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.files import read_header
from lookalike.indexes.specs import parse_index
from lookalike.metric import Metric
from lookalike.plugins import Plugin, Registry
from lookalike.projections.fitting import fit_projection

if TYPE_CHECKING:
    from pathlib import Path

    from lookalike.arrays import Vectors

EXACT = "exact"
_FEW = 64
INDEXES = Registry(
    "index",
    {
        EXACT: Plugin("lookalike.indexes.flat:FlatBackend"),
        "lsh": Plugin("lookalike.indexes.lsh:LshBackend"),
        "faiss": Plugin("lookalike.indexes.faiss_backend:FaissBackend"),
        "hnsw": Plugin("lookalike.indexes.faiss_backend:FaissBackend"),
        "ivfpq": Plugin("lookalike.indexes.faiss_backend:FaissBackend"),
        "sq8": Plugin("lookalike.indexes.faiss_backend:FaissBackend"),
        "scann": Plugin("lookalike.indexes.scann_backend:ScannBackend", extra="scann"),
        "lance": Plugin("lookalike.indexes.lance_backend:LanceBackend"),
    },
)
"""Names to classes of :class:`lookalike.indexes.base.Backend`."""


def build_index(
    spec: str, vectors: Vectors, *, metric: Metric = Metric.COSINE, seed: int = 0
) -> ExactIndex | ApproximateIndex:
    """Build an index.

    Parameters
    ----------
    spec : see :func:`lookalike.indexes.specs.parse_index`.
    vectors : shape (n, dim), float32, in memory or mapped; held by the index, which reads candidates from it, and not
        modified. Backends read it in chunks, and train on a sample.
    metric : how rows are compared.
    seed : of what is drawn at random. HNSW and ScaNN are not reproduced by it, as their threads race.

    Raises
    ------
    UnknownNameError : if a name in the spec is not known.
    InputError : if an option cannot be used, or not with these rows.
    BackendMissingError : if the backend's library is not installed.
    ShapeError : if ``vectors`` is no matrix.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(500, 16)).astype(np.float32)
    >>> build_index("lsh:bits=4,tables=8", rows).search(rows[7], k=1).positions
    array([[7]])
    """
    if vectors.ndim != 2:
        expected = "(n, dim)"
        raise ShapeError(expected, vectors.shape)
    asked = parse_index(spec, metric=metric, dim=vectors.shape[1])
    backend = INDEXES.load(asked.backend)
    if asked.backend == EXACT and not asked.projection:
        if str(asked) != EXACT:
            msg = f"{EXACT} takes no options, got {str(asked)!r}"
            raise InputError(msg)
        return ExactIndex(vectors, metric=metric)
    return ApproximateIndex.build(backend, vectors, asked, seed=seed)


def check_index(spec: str, *, dim: int, metric: Metric = Metric.COSINE) -> None:
    """Refuse a spec that could not be built over any rows of that dimension, before there are rows or much is done.

    A backend may have a class method ``check(spec)`` for that; one without is built over a few rows of noise.

    Raises
    ------
    UnknownNameError, InputError, BackendMissingError : as :func:`build_index` does.
    """
    asked = parse_index(spec, metric=metric, dim=dim)
    backend = INDEXES.load(asked.backend)
    noise = np.random.default_rng(0).standard_normal((max(_FEW, dim), dim), dtype=np.float32)
    if asked.projection:
        dim = fit_projection(asked.projection, noise).dim
    inner = replace(asked, dim=dim, projection="")
    if hasattr(backend, "check"):
        if asked.projection and is_in_table(spec):
            build_index(spec, noise[:0], metric=metric)  # says why not
        backend.check(inner)
    else:
        build_index(spec, noise[:_FEW], metric=metric)


def is_in_table(spec: str) -> bool:
    """Say whether an index of that spec is part of the table that the rows are stored in.

    Raises
    ------
    UnknownNameError, InputError, BackendMissingError : as :func:`build_index` does.
    """
    backend = INDEXES.load(parse_index(spec, metric=Metric.COSINE, dim=1).backend)
    return bool(getattr(backend, "is_raw", False))


def load_index(path: Path, vectors: Vectors) -> ExactIndex | ApproximateIndex:
    """Open an index that was saved.

    Parameters
    ----------
    path : the folder.
    vectors : the rows it was saved with, inserted ones included; shape (n, dim), in memory or mapped.

    Raises
    ------
    IndexUnusableError : if it is damaged, or of other rows.
    UnknownNameError : if its backend is of a package that is not installed.
    BackendMissingError : if the backend's library is not installed.
    """
    header = read_header(path, vectors)
    backend = INDEXES.load(header.spec.backend)
    if header.spec.backend == EXACT and not header.spec.projection:
        return ExactIndex.load(path, vectors)
    return ApproximateIndex.load(backend, path, vectors, header)
