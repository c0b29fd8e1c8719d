"""The search that the client does over an index, so that its answers can be had and measured here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lookalike.arrays import as_vectors
from lookalike.indexes.base import Neighbors

if TYPE_CHECKING:
    from lookalike.arrays import Vectors
    from lookalike.mobile.index_file import OnDeviceIndex

_NUMBERS = 1 << 24
"""How many distances or looked-up values are held at once (64 MB)."""


def search(index: OnDeviceIndex, queries: Vectors, k: int) -> Neighbors:
    """Return what the client finds, in its order; ties, which it leaves open, are in the order of positions.

    Parameters
    ----------
    index : the index.
    queries : shape (q, dim), as the model returns them.
    k : at least 1.

    Returns
    -------
    Neighbors of shape (q, k); the positions are those in the file, and the scores the client's distances with their
    sign changed. There are fewer where the partitions that are looked into hold fewer rows.

    Raises
    ------
    ShapeError : if the queries have another number of columns.
    """
    queries = as_vectors(queries, dim=index.dim)
    bounds = np.array([*index.offsets, len(index)])
    found = Neighbors.padding(len(queries), k)
    for number, query in enumerate(queries):
        lookup = _lookup(index, query)
        leaves = _nearest_leaves(index, query)
        best_positions, best = np.empty(0, np.int64), np.empty(0, np.float32)
        for leaf in leaves:
            for positions in _parts(bounds[leaf], bounds[leaf + 1], index.rows.shape[1]):
                distances = _distances(index, query, lookup, positions)
                best_positions = np.concatenate([best_positions, np.arange(positions.start, positions.stop)])
                best = np.concatenate([best, distances])
                order = np.lexsort((best_positions, best))[:k]
                best_positions, best = best_positions[order], best[order]
        found.positions[number, : len(best)] = best_positions
        found.scores[number, : len(best)] = -best
    return found


def _parts(start: int, stop: int, width: int) -> list[slice]:
    step = max(1, _NUMBERS // width)
    return [slice(at, min(at + step, stop)) for at in range(start, stop, step)]


def _nearest_leaves(index: OnDeviceIndex, query: Vectors) -> list[int]:
    if index.leaves is None:
        return [0]
    count = min(math.ceil(len(index.leaves) * np.float32(index.fraction)), len(index.leaves))
    return [int(leaf) for leaf in np.argsort(_to_rows(query, index.leaves, is_dot=index.is_dot), kind="stable")[:count]]


def _lookup(index: OnDeviceIndex, query: Vectors) -> list[Vectors]:
    """Return for each subspace the distances of the query to its centres."""
    parts = np.split(query, np.cumsum([centres.shape[1] for centres in index.codebook])[:-1]) if index.codebook else ()
    pairs = zip(parts, index.codebook, strict=True)
    return [_to_rows(part, centres, is_dot=index.is_dot) for part, centres in pairs]


def _distances(index: OnDeviceIndex, query: Vectors, lookup: list[Vectors], positions: slice) -> Vectors:
    rows = index.rows[positions]
    if not index.codebook:
        return _to_rows(query, rows, is_dot=index.is_dot)
    total = np.zeros(len(rows), np.float32)
    for subspace, distances in enumerate(lookup):
        total += distances[rows[:, subspace]]
    return total


def _to_rows(query: Vectors, rows: Vectors, *, is_dot: bool) -> Vectors:
    if is_dot:
        return -np.asarray(rows @ query, np.float32)
    difference = rows - query
    return np.asarray(np.einsum("ij,ij->i", difference, difference), np.float32)
