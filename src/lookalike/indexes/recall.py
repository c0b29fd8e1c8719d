"""How many of the true neighbours an index finds, asked with rows of its own that are left out of the answers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookalike.indexes.base import Neighbors
from lookalike.indexes.exact import ExactIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.indexes.approximate import ApproximateIndex

    Search = Callable[[Vectors, int], Neighbors]

_TOLERANCE = 1e-5
"""Relative: two computations of one score differ by less."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The true neighbours of some rows, each without itself."""

    positions: Positions
    """Shape (q,): the rows that are asked with."""
    queries: Vectors
    """Shape (q, dim): their embeddings."""
    k: int
    worst: npt.NDArray[np.float32]
    """Shape (q,): the score of the k-th true neighbour."""

    def recall(self, found: Neighbors) -> float:
        """Return the share of the k true neighbours that were found: recall@k, from 0 to 1.

        Whatever scores at least as well as the k-th true neighbour counts, so that a tie broken otherwise is no miss,
        as in ann-benchmarks (https://github.com/erikbern/ann-benchmarks).

        Parameters
        ----------
        found : shape (q, at least k), without the row that was asked with.
        """
        scores = found.scores[:, : self.k]
        slack = _TOLERANCE * np.maximum(np.abs(self.worst), _TOLERANCE)
        hits = (scores >= (self.worst - slack)[:, None]) & (found.positions[:, : self.k] >= 0)
        return float(hits.sum() / (len(self.positions) * self.k)) if len(self.positions) else 1.0

    def ask(self, search: Search) -> Neighbors:
        """Return what a search finds for the rows, themselves left out; shape (q, k)."""
        return without_self(search(self.queries, self.k + 1), self.positions)


def true_neighbours(exact: ExactIndex, *, count: int, k: int, seed: int = 0) -> Truth:
    """Draw rows and find their true neighbours.

    Parameters
    ----------
    exact : over all rows.
    count : how many rows to ask with; at most all.
    k : how many neighbours; at most all other rows.
    seed : of the draw.
    """
    rows = len(exact)
    count = min(count, rows) if rows > 1 else 0  # a single row has no neighbour to be found
    drawn = np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))
    queries = np.ascontiguousarray(exact.vectors[drawn], np.float32)
    k = max(1, min(k, rows - 1))
    found = without_self(exact.search(queries, k + 1), drawn)
    return Truth(drawn, queries, k, found.scores[:, k - 1])


def without_self(found: Neighbors, positions: Positions) -> Neighbors:
    """Drop from each answer the row that was asked with, or the last where it was not found; shape (q, k - 1)."""
    is_self = found.positions == positions[:, None]
    drop = np.where(is_self.any(axis=1), is_self.argmax(axis=1), found.positions.shape[1] - 1)
    keep = np.arange(found.positions.shape[1])[None] != drop[:, None]
    shape = (len(positions), found.positions.shape[1] - 1)
    return Neighbors(found.positions[keep].reshape(shape), found.scores[keep].reshape(shape))


def searching(index: ExactIndex | ApproximateIndex, parameters: Mapping[str, float]) -> Search:
    """Return the search of an index with those search parameters, of which an exact one has none."""
    if isinstance(index, ExactIndex):
        return index.search
    return lambda queries, k: index.search(queries, k, parameters=parameters)


def seconds_each(search: Search, queries: Vectors, k: int) -> npt.NDArray[np.float64]:
    """Ask one query at a time and return how long each took, in seconds; shape (q,)."""
    seconds = np.empty(len(queries))
    for i in range(len(queries)):
        started = time.perf_counter()
        search(queries[i : i + 1], k)
        seconds[i] = time.perf_counter() - started
    return seconds
