"""Exact search: every query against every row.

A float32 matrix product finds the candidates, and the few that could be among the nearest are scored again in double
precision. So the result is the true one, does not depend on the batch that a query came in or on the order of the
sums in the product, and equal images have equal scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.arrays import as_vectors, normalised
from lookalike.errors import InputError, ShapeError
from lookalike.indexes.base import IndexSpec, Neighbors
from lookalike.indexes.files import Header, read_header, read_norms, write_header, write_norms
from lookalike.metric import Metric

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors

    Mask = npt.NDArray[np.bool_]
    Scores = npt.NDArray[np.floating[Any]]
    """float32, or float64 where float32 would underflow or overflow."""

_SCORES_PER_BLOCK = 1 << 23
"""How many scores are held at once (32 MB)."""
_QUICK_BYTES = 512 << 20
"""A search reads all rows: that much in about 50 ms."""
_FIRST_ROWS = 4_096
_GATHER_BELOW = 0.5
"""Share of allowed rows below which they are copied out rather than scored with all the others."""
_SAFE = (1e-25, 1e30)
"""Magnitudes within which no float32 product or sum underflows or overflows in a way that matters."""
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows that a search goes through, and their numbers in the index."""

    vectors: Vectors
    norms: npt.NDArray[np.floating[Any]]
    positions: Positions | None
    """None: row i is position i."""

    def widened(self) -> _Rows:
        """Return the rows with their lengths in double precision, for values that float32 products cannot take."""
        squares = np.einsum("ij,ij->i", self.vectors, self.vectors, dtype=np.float64)
        return _Rows(self.vectors, np.sqrt(squares), self.positions)


def is_quick(vectors: Vectors) -> bool:
    """Say whether an exact search over these rows is quick enough that no other index need be built."""
    return vectors.nbytes <= _QUICK_BYTES


class ExactIndex:
    """A matrix of embeddings, in memory or mapped from a file.

    Time is O(q n dim) a search, and the extra memory is 32 MB whatever the number of queries and rows.

    Parameters
    ----------
    vectors : shape (n, dim).
    metric : how rows are compared.
    norms : their lengths, if known; shape (n,).
    farthest : return the rows that are least alike, with their scores ascending.
    """

    def __init__(
        self,
        vectors: Vectors,
        *,
        metric: Metric = Metric.COSINE,
        norms: Vectors | None = None,
        farthest: bool = False,
    ) -> None:
        self._vectors = vectors
        self._farthest = farthest
        self._norms = row_norms(vectors) if norms is None else norms
        self.spec = IndexSpec(backend="exact", metric=metric, dim=vectors.shape[1])

    @property
    def is_exact(self) -> bool:
        """Always."""
        return True

    @property
    def nbytes(self) -> int:
        """The size of the matrix in bytes, whether in memory or mapped."""
        return int(self._vectors.nbytes + self._norms.nbytes)

    def __len__(self) -> int:
        return len(self._vectors)

    def search(self, queries: Vectors, k: int, allowed: Mask | None = None) -> Neighbors:
        """Return the ``k`` nearest rows for each query; see :meth:`lookalike.indexes.base.Index.search`."""
        queries = as_vectors(queries, dim=self.spec.dim)
        if k < 1:
            msg = f"k must be at least 1, got {k}"
            raise InputError(msg)
        if allowed is not None and allowed.shape != (len(self),):
            expected = f"({len(self)},)"
            raise ShapeError(expected, allowed.shape)
        rows, mask = self._select(allowed)
        result = Neighbors.padding(len(queries), k)
        if len(rows.vectors) == 0:
            return result
        for start in range(0, len(queries), _queries_per_block(k)):
            stop = min(start + _queries_per_block(k), len(queries))
            self._search_block(
                queries[start:stop], rows, mask, (result.positions[start:stop], result.scores[start:stop])
            )
        return result

    @property
    def vectors(self) -> Vectors:
        """The rows; shape (n, dim)."""
        return self._vectors

    def subset(self, positions: Positions) -> ExactIndex:
        """Return an index of a copy of some rows, in the order of ``positions``."""
        vectors, norms = np.asarray(self._vectors[positions]), self._norms[positions]
        return ExactIndex(vectors, metric=self.spec.metric, norms=norms, farthest=self._farthest)

    def save(self, path: Path) -> None:
        """Write what a search needs besides the rows into a new folder at ``path``."""
        path.mkdir(parents=True)
        write_norms(path, self._norms)
        write_header(path, Header(self.spec), self._vectors)

    @classmethod
    def load(cls, path: Path, vectors: Vectors) -> ExactIndex:
        """Open what :meth:`save` wrote.

        Parameters
        ----------
        path : the folder.
        vectors : the rows that it was saved with, shape (n, dim), in memory or mapped; none is read before a search.

        Raises
        ------
        IndexUnusableError : if the folder holds no such index, or is damaged.
        """
        header = read_header(path, vectors)
        return cls(vectors, metric=header.spec.metric, norms=read_norms(path, len(vectors)))

    def _select(self, allowed: Mask | None) -> tuple[_Rows, Mask | None]:
        if allowed is None:
            return _Rows(self._vectors, self._norms, None), None
        if np.count_nonzero(allowed) >= _GATHER_BELOW * len(allowed):
            return _Rows(self._vectors, self._norms, None), allowed
        positions = np.flatnonzero(allowed)
        return _Rows(self._vectors[positions], self._norms[positions], positions), None

    def _search_block(self, queries: Vectors, rows: _Rows, mask: Mask | None, out: tuple[Positions, Vectors]) -> None:
        positions, scores = out
        k = positions.shape[1]
        for i, candidates in enumerate(self._candidates(queries, rows, mask, k)):
            # sorted as they are returned, in float32, so that scores which read as equal are in the order of positions
            exact = paired_scores(queries[i : i + 1], rows.vectors[candidates], self.spec.metric)
            order = np.lexsort((candidates, exact if self._farthest else -exact))[:k]
            found = candidates[order]
            positions[i, : len(order)] = found if rows.positions is None else rows.positions[found]
            scores[i, : len(order)] = exact[order]

    def _candidates(self, queries: Vectors, rows: _Rows, mask: Mask | None, k: int) -> list[Positions]:
        """Return, for each query, every row whose float32 score may belong to the k best, ascending."""
        if self.spec.metric is Metric.COSINE:
            queries = normalised(queries)
        if not self._is_safe(queries, rows.norms):
            queries, rows = queries.astype(np.float64), rows.widened()
        slack = self._slack(queries, rows.norms)
        threshold = np.full((len(queries), 1), -np.inf, slack.dtype)
        held = _Held(len(queries), k, slack)
        start, step = 0, max(_FIRST_ROWS, 2 * k)
        while start < len(rows.vectors):
            stop = min(start + step, len(rows.vectors))
            block = self._scan(queries, rows, start, stop)
            if self._farthest:
                np.negative(block, out=block)
            if mask is not None:
                block[:, ~mask[start:stop]] = -np.inf
            if start == 0 and stop - start > k:
                kth = np.partition(block, stop - start - k, axis=1)[:, stop - start - k]
                threshold = (kth - slack)[:, None]
            query, row = np.nonzero((block >= threshold) & np.isfinite(block))
            threshold = held.add(query, row + start, block[query, row])
            start, step = stop, max(step, _SCORES_PER_BLOCK // len(queries))
        return held.split()

    def _scan(self, queries: Scores, rows: _Rows, start: int, stop: int) -> Scores:
        """Score in the queries' precision, up to what is the same for all rows of a query; shape (q, stop - start)."""
        products = queries @ rows.vectors[start:stop].T.astype(queries.dtype, copy=False)
        if self.spec.metric is Metric.COSINE:
            norms = rows.norms[start:stop]
            products /= np.where(norms == 0.0, norms.dtype.type(1.0), norms)
        elif self.spec.metric is Metric.L2:
            products -= 0.5 * np.square(rows.norms[start:stop])
        return products

    def _is_safe(self, queries: Vectors, norms: npt.NDArray[np.floating[Any]]) -> bool:
        """Say whether float32 products of these lengths have the relative precision that the slack is made for."""
        low, high = _SAFE
        largest = float(norms.max())
        if self.spec.metric is Metric.COSINE:
            return largest <= high and float(norms.min(initial=np.inf, where=norms > 0.0)) >= low
        scale = np.linalg.norm(queries.astype(np.float64), axis=1) * largest
        if self.spec.metric is Metric.L2:
            scale = scale + largest**2
        return bool(((scale == 0.0) | ((scale >= low) & (scale <= high))).all())

    def _slack(self, queries: Scores, norms: npt.NDArray[np.floating[Any]]) -> Scores:
        """Bound the error of a float32 score; shape (q,).

        Rounding errors of a sum of dim products grow with the square root of dim (Higham and Mary,
        https://doi.org/10.1137/18M1226312); the factor 8 makes the bound hold with a probability that is 1 in practice.
        """
        largest = 1.0 if self.spec.metric is Metric.COSINE else float(norms.max())
        scale = np.linalg.norm(queries.astype(np.float64), axis=1) * largest
        if self.spec.metric is Metric.L2:
            scale = scale + np.square(largest)
        relative = 8.0 * np.sqrt(self.spec.dim) * np.finfo(np.float32).eps
        return np.asarray(2.0 * relative * scale, dtype=queries.dtype)


class _Held:
    """The candidates of a block of queries, pruned as better ones come."""

    def __init__(self, queries: int, k: int, slack: Scores) -> None:
        self._queries = queries
        self._k = k
        self._slack = slack
        self._query = np.empty(0, np.int64)
        self._row = np.empty(0, np.int64)
        self._score = np.empty(0, slack.dtype)

    def add(self, query: Positions, row: Positions, score: Scores) -> Scores:
        """Take candidates in and return the score below which none is wanted; shape (q, 1)."""
        self._query = np.concatenate([self._query, query])
        self._row = np.concatenate([self._row, row])
        self._score = np.concatenate([self._score, score])
        order = np.lexsort((-self._score, self._query))
        self._query, self._row, self._score = self._query[order], self._row[order], self._score[order]
        starts = np.searchsorted(self._query, np.arange(self._queries + 1))
        threshold = np.full(self._queries, -np.inf, self._slack.dtype)
        full = np.diff(starts) >= self._k
        threshold[full] = self._score[starts[:-1][full] + self._k - 1] - self._slack[full]
        keep = self._score >= threshold[self._query]
        self._query, self._row, self._score = self._query[keep], self._row[keep], self._score[keep]
        return threshold[:, None]

    def split(self) -> list[Positions]:
        """Return the rows held for each query, ascending."""
        starts = np.searchsorted(self._query, np.arange(self._queries + 1))
        return [np.sort(self._row[a:b]) for a, b in pairwise(starts)]


def row_norms(vectors: Vectors) -> npt.NDArray[np.float32]:
    """Return the Euclidean lengths; shape (n,), float32."""
    with np.errstate(over="ignore"):  # infinity tells a search to work in double precision
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
        return np.asarray(lengths, dtype=np.float32)


def paired_scores(queries: Vectors, rows: Vectors, metric: Metric) -> Vectors:
    """Score each query against the row of the same number, in double precision.

    Parameters
    ----------
    queries : shape (n, dim), or (1, dim) to score one query against all rows.
    rows : shape (n, dim).
    metric : how they are compared.

    Returns
    -------
    Shape (n,), float32. A score depends on nothing but its own query and row, to the last digit.
    """
    wide, targets = rows.astype(np.float64), queries.astype(np.float64)
    if metric is Metric.L2:
        return _as_float32(np.asarray(-np.sqrt(np.square(wide - targets).sum(axis=1))))
    # a sum along the row, not a matrix product: its order, and so its last digit, does not depend on other rows
    products = (wide * targets).sum(axis=1)
    if metric is Metric.INNER_PRODUCT:
        return _as_float32(np.asarray(products))
    norms = np.sqrt(np.square(wide).sum(axis=1)) * np.sqrt(np.square(targets).sum(axis=1))
    norms[norms == 0.0] = 1.0
    return _as_float32(np.asarray(np.clip(products / norms, -1.0, 1.0)))


def _as_float32(scores: npt.NDArray[np.float64]) -> Vectors:
    # no score is infinite, and none is the negative zero, which would be shown with its sign
    finite: Vectors = np.clip(scores, -_LARGEST, _LARGEST).astype(np.float32)
    finite += 0.0
    return finite


def _queries_per_block(k: int) -> int:
    return max(1, min(256, _SCORES_PER_BLOCK // max(_FIRST_ROWS, 2 * k)))
