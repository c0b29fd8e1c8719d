"""Indexes by name: built from rows, and opened again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

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
    from collections.abc import Callable
    from pathlib import Path

    from lookalike.arrays import Vectors
    from lookalike.indexes.base import Backend, IndexSpec

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
        "milvus": Plugin("lookalike.indexes.milvus_backend:MilvusBackend", extra="milvus"),
    },
)
"""Names to classes of :class:`lookalike.indexes.base.Backend`."""


def build_index(
    spec: str,
    vectors: Vectors,
    *,
    metric: Metric = Metric.COSINE,
    seed: int = 0,
    table: Callable[[], Vectors] | None = None,
) -> ExactIndex | ApproximateIndex:
    """Build an index.

    Parameters
    ----------
    spec : see :func:`lookalike.indexes.specs.parse_index`.
    vectors : shape (n, dim), float32, in memory or mapped; held by the index, which reads candidates from it, and not
        modified. Backends read it in chunks, and train on a sample.
    metric : how rows are compared.
    table : gives the same rows as the table that they are stored in, for an index that is part of it.
    seed : of what is drawn at random. HNSW and ScaNN are not reproduced by it, as their threads race.

    Raises
    ------
    UnknownNameError : if a name in the spec is not known.
    InputError : if an option cannot be used, or not with these rows.
    BackendMissingError : if the backend's library is not installed.
    RemoteError : if the backend needs a server that cannot be reached.
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
    asked, backend = backend_of(spec, metric=metric, dim=vectors.shape[1])
    if str(asked) == EXACT:
        return ExactIndex(vectors, metric=metric)
    rows = table() if table is not None and is_raw(backend) else vectors
    return ApproximateIndex.build(backend, rows, asked, seed=seed)


def plain_spec(spec: str, *, dim: int | None = None) -> str:
    """Return a spec in its plain form, and refuse one that could not be built over any rows.

    Parameters
    ----------
    spec : see :func:`lookalike.indexes.specs.parse_index`.
    dim : of the rows; without it only the names are looked up. A backend may have a class method ``check(spec)`` for
        its options; one without is built over a few rows of noise.

    Raises
    ------
    UnknownNameError, InputError, BackendMissingError, RemoteError : as :func:`build_index` does.
    """
    asked, backend = backend_of(spec, metric=Metric.COSINE, dim=dim or 1)
    if dim is not None and str(asked) != EXACT:
        _check_options(asked, backend)
    return str(asked)


def is_in_table(spec: str) -> bool:
    """Say whether an index of that spec is part of the table that the rows are stored in.

    Raises
    ------
    UnknownNameError, InputError, BackendMissingError : as :func:`build_index` does.
    """
    return is_raw(backend_of(spec, metric=Metric.COSINE, dim=1)[1])


def backend_of(spec: str, *, metric: Metric, dim: int) -> tuple[IndexSpec, type[Backend]]:
    """Return what a spec asks for, and the class that builds it.

    Raises
    ------
    UnknownNameError, InputError, BackendMissingError : as :func:`build_index` does.
    """
    asked = parse_index(spec, metric=metric, dim=dim)
    backend: type[Backend] = INDEXES.load(asked.backend)
    if asked.backend == EXACT and not asked.projection and str(asked) != EXACT:
        msg = f"{EXACT} takes no options, got {str(asked)!r}"
        raise InputError(msg)
    return asked, backend


def is_raw(backend: type[Backend]) -> bool:
    """Say whether a backend searches the table that the rows are stored in."""
    return bool(getattr(backend, "is_raw", False))


def _check_options(asked: IndexSpec, backend: Any) -> None:
    noise = np.random.default_rng(0).standard_normal((max(_FEW, asked.dim), asked.dim), dtype=np.float32)
    if not hasattr(backend, "check") or (asked.projection and is_raw(backend)):
        ApproximateIndex.build(backend, noise[:_FEW], asked)  # where both are asked for it says why not
        return
    dim = fit_projection(asked.projection, noise).dim if asked.projection else asked.dim
    backend.check(replace(asked, dim=dim, projection=""))


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
