"""Other libraries' graphs, measured beside the project's indexes where they are installed."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.arrays import normalised
from lookalike.cores import usable_cores
from lookalike.errors import BackendMissingError, InputError
from lookalike.indexes.base import Neighbors
from lookalike.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.arrays import Vectors
    from lookalike.indexes.recall import Search

REFERENCES = ("hnswlib", "usearch")
_LINKS, _EFFORT_TO_BUILD = 16, 200
_EFFORTS = (10, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)


@dataclass(frozen=True, slots=True)
class Reference:
    """A graph of another library, which is searched with more or less effort."""

    parameter: str
    efforts: tuple[int, ...]
    nbytes: int
    search_with: Callable[[Vectors, int, int], tuple[Any, Any]]
    """Queries, k and the effort to labels and scores, larger for more alike."""

    def search(self, effort: int) -> Search:
        """Return the search with that effort."""

        def run(queries: Vectors, k: int) -> Neighbors:
            labels, scores = self.search_with(queries, k, effort)
            return Neighbors(np.asarray(labels, np.int64), np.asarray(scores, np.float32))

        return run


def build_reference(name: str, vectors: Vectors, *, metric: Metric) -> Reference:
    """Build another library's graph over rows of shape (n, dim), by cosine.

    Raises
    ------
    BackendMissingError : if the library is not installed.
    InputError : if another metric is wanted.
    """
    if metric is not Metric.COSINE:
        msg = f"{name} takes part by cosine only; leave it out, or use the metric cosine"
        raise InputError(msg)
    try:
        library = importlib.import_module("usearch.index" if name == "usearch" else name)
    except ModuleNotFoundError as error:
        raise BackendMissingError(backend=name, extra="ann") from error
    rows = np.asarray(vectors)
    return _hnswlib(library, rows) if name == "hnswlib" else _usearch(library, normalised(rows))


def _hnswlib(library: Any, rows: Vectors) -> Reference:
    graph = library.Index(space="cosine", dim=rows.shape[1])
    graph.init_index(max_elements=max(1, len(rows)), M=_LINKS, ef_construction=_EFFORT_TO_BUILD, random_seed=0)
    graph.add_items(rows, num_threads=usable_cores())

    def search(queries: Vectors, k: int, effort: int) -> tuple[Any, Any]:
        graph.set_ef(max(effort, k))
        labels, distances = graph.knn_query(queries, k=min(k, len(rows)))
        return labels.astype(np.int64), 1.0 - distances

    return Reference("ef", _EFFORTS, rows.nbytes + len(rows) * 2 * _LINKS * 4, search)


def _usearch(library: Any, rows: Vectors) -> Reference:
    graph = library.Index(
        ndim=rows.shape[1], metric="ip", dtype="f16", connectivity=_LINKS, expansion_add=_EFFORT_TO_BUILD
    )
    graph.add(np.arange(len(rows), dtype=np.uint64), rows)

    def search(queries: Vectors, k: int, effort: int) -> tuple[Any, Any]:
        graph.expansion_search = max(effort, k)
        found = graph.search(normalised(queries), min(k, len(rows)))
        return np.atleast_2d(found.keys).astype(np.int64), 1.0 - np.atleast_2d(found.distances)

    return Reference("expansion", _EFFORTS, int(graph.memory_usage), search)
