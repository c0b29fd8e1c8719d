"""Exact search: every query against every row.

Products in float32 find the candidates, and the few that could be among the nearest are scored again in double
precision. So the result is the true one, does not depend on the batch that a query came in or on the order of the
sums in the product, and equal images have equal scores.
"""

from __future__ import annotations

from functools import cached_property, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.arrays import as_vectors, normalised
from lookalike.cores import usable_cores
from lookalike.errors import InputError, ShapeError
from lookalike.indexes.base import IndexSpec, Neighbors
from lookalike.indexes.files import Header, read_header, read_norms, write_header, write_norms
from lookalike.indexes.row_fetching import RowFetcher
from lookalike.indexes.scoring import ranked, row_norms, score_candidates
from lookalike.metric import Metric

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors

    Mask = npt.NDArray[np.bool_]
    Scores = npt.NDArray[np.floating[Any]]
    """float32, or float64 where float32 would underflow or overflow."""

_SCORES_PER_BLOCK = 1 << 21
"""How many scores are held at once (8 MB): a cache holds them until they have been looked through."""
_QUICK_BYTES = 512 << 20
"""A search reads all rows: that much in about 50 ms."""
_ONE_THREAD_NUMBERS = 1 << 22
"""Up to so many numbers, in a millisecond, one thread multiplies: on busy cores, threads that share one product wait
for one another ten times as long."""
_FIRST_ROWS = 4_096
_QUERIES = 2_048
_NUMBERS_PER_PART, _LEAST_ROWS = 1 << 22, 256
_GATHER_BELOW = 0.5
"""Share of allowed rows below which they are copied out rather than scored with all the others."""
_SAFE = (1e-25, 1e30)
"""Magnitudes within which no float32 product or sum underflows or overflows in a way that matters."""
_MANY, _LARGE_K = 32, 256
"""From so many queries on, and up to that k, FAISS finds the candidates."""


class _Rows:
    """The rows that a search goes through, and their numbers in the index; None: row i is position i."""

    def __init__(self, vectors: Vectors, norms: npt.NDArray[np.floating[Any]], positions: Positions | None) -> None:
        self.vectors, self.norms, self.positions = vectors, norms, positions

    @cached_property
    def largest(self) -> float:
        return float(self.norms.max())

    @cached_property
    def smallest(self) -> float:
        return float(self.norms.min(initial=np.inf, where=self.norms > 0.0))

    @cached_property
    def divisors(self) -> npt.NDArray[np.floating[Any]]:
        """The lengths, and 1 for a row of zeros."""
        return self.norms if (self.norms > 0.0).all() else np.where(self.norms == 0.0, 1.0, self.norms)

    def widened(self) -> _Rows:
        """Return the rows with their lengths in double precision, for values that float32 products cannot take."""
        squares = np.einsum("ij,ij->i", self.vectors, self.vectors, dtype=np.float64)
        return _Rows(self.vectors, np.sqrt(squares), self.positions)


def is_quick(vectors: Vectors) -> bool:
    """Say whether an exact search over these rows is quick enough that no other index need be built."""
    return vectors.nbytes <= _QUICK_BYTES


class ExactIndex:
    """A matrix of embeddings, in memory or mapped from a file.

    Time is O(q n dim) a search, and the extra memory is 30 MB whatever the number of queries and rows.

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
        self.by_position = RowFetcher(vectors)
        """The rows, for who wants some of them."""
        self.spec = IndexSpec(backend="exact", metric=metric, dim=vectors.shape[1])
        self._rows = _Rows(self._vectors, self._norms, None)

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
        for start in range(0, len(queries), _QUERIES):
            part = slice(start, start + _QUERIES)
            self._search_block(queries[part], rows, mask, Neighbors(result.positions[part], result.scores[part]))
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
        if allowed is None or np.count_nonzero(allowed) >= _GATHER_BELOW * len(allowed):
            return self._rows, allowed
        positions = np.flatnonzero(allowed)
        return _Rows(self._vectors[positions], self._norms[positions], positions), None

    def _search_block(self, queries: Vectors, rows: _Rows, mask: Mask | None, out: Neighbors) -> None:
        compared = normalised(queries) if self.spec.metric is Metric.COSINE else queries
        is_safe = self._is_safe(compared, rows)
        missing = np.arange(len(queries))
        if (
            len(queries) >= _MANY
            and out.positions.shape[1] <= _LARGE_K
            and is_safe
            and self.spec.metric is not Metric.L2
        ):
            missing = self._search_together(queries, compared, (rows, mask), out)
        if not is_safe:
            compared, rows = compared.astype(np.float64), rows.widened()
        for start in range(0, len(missing), _queries_per_block(out.positions.shape[1])):
            chosen = missing[start : start + _queries_per_block(out.positions.shape[1])]
            for i, found in zip(
                chosen, self._candidates(compared[chosen], rows, mask, out.positions.shape[1]), strict=True
            ):
                self._rank(
                    queries[i : i + 1], found[None], rows, Neighbors(out.positions[i : i + 1], out.scores[i : i + 1])
                )

    def _search_together(
        self, queries: Vectors, compared: Vectors, among: tuple[_Rows, Mask | None], out: Neighbors
    ) -> Positions:
        """Search for many queries, and return the numbers of those that have too many candidates."""
        from lookalike.indexes.many_queries import candidates_of_many

        each = max(_LEAST_ROWS, -(-len(among[0].vectors) // usable_cores()))  # something to do for every core
        step = max(1, min(each, _NUMBERS_PER_PART // self.spec.dim))
        parts = [partial(self._part, among, slice(i, i + step)) for i in range(0, len(among[0].vectors), step)]
        slack = self._slack(compared, among[0])
        asked = -compared if self._farthest else compared
        found, is_complete = candidates_of_many(asked, parts, out.positions.shape[1], slack)
        self._rank(queries, found, among[0], out)
        return np.flatnonzero(~is_complete)

    def _part(self, among: tuple[_Rows, Mask | None], where: slice) -> tuple[Positions, Vectors]:
        """Return the numbers of allowed rows, and the rows, of unit length for the cosine."""
        rows, mask = among
        positions = np.arange(where.start, min(where.stop, len(rows.vectors)))
        vectors = rows.vectors[where]
        if mask is not None:
            positions, vectors = positions[mask[where]], vectors[mask[where]]
        if self.spec.metric is Metric.COSINE:
            return positions, vectors / rows.divisors[positions, None]
        return positions, np.ascontiguousarray(vectors)

    def _rank(self, queries: Vectors, candidates: Positions, rows: _Rows, out: Neighbors) -> None:
        """Score candidates, shape (q, c), ascending, -1 for none, and write the best of each query into ``out``."""
        scores = score_candidates(queries, rows.vectors, candidates, self.spec.metric)
        if self._farthest:
            best = ranked(candidates, np.where(candidates < 0, -np.inf, -scores), out.positions.shape[1])
            out.scores[:] = np.where(best.positions < 0, -np.inf, 0.0 - best.scores)
        else:
            best = ranked(candidates, scores, out.positions.shape[1])
            out.scores[:] = best.scores
        out.positions[:] = best.positions
        if rows.positions is not None:
            out.positions[:] = np.where(best.positions < 0, -1, rows.positions[best.positions])

    def _candidates(self, queries: Scores, rows: _Rows, mask: Mask | None, k: int) -> list[Positions]:
        """Return, for each query, every row that may belong to the k best, ascending."""
        slack = self._slack(queries, rows)
        lowest = np.finfo(slack.dtype).min  # above the minus infinity of a row that is not allowed
        threshold = np.full((len(queries), 1), lowest, slack.dtype)
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
                threshold = np.maximum(kth - slack, lowest)[:, None]
            query, row = np.divmod(np.flatnonzero(block >= threshold), stop - start)
            threshold = np.maximum(held.add(query, row + start, block[query, row]), lowest)
            start, step = stop, max(step, _SCORES_PER_BLOCK // len(queries))
        return held.split()

    def _scan(self, queries: Scores, rows: _Rows, start: int, stop: int) -> Scores:
        """Score in the queries' precision, up to what is the same for all rows of a query; shape (q, stop - start)."""
        vectors = rows.vectors[start:stop].astype(queries.dtype, copy=False)
        if len(queries) * len(rows.vectors) * self.spec.dim <= _ONE_THREAD_NUMBERS:
            products: Scores = np.vecdot(vectors[None], queries[:, None])
        else:
            products = queries @ vectors.T
        if self.spec.metric is Metric.COSINE:
            products /= rows.divisors[start:stop]
        elif self.spec.metric is Metric.L2:
            products -= 0.5 * np.square(rows.norms[start:stop])
        return products

    def _is_safe(self, queries: Vectors, rows: _Rows) -> bool:
        """Say whether float32 products of these lengths have the relative precision that the slack is made for."""
        low, high = _SAFE
        if self.spec.metric is Metric.COSINE:
            return rows.largest <= high and rows.smallest >= low
        scale = np.linalg.norm(queries.astype(np.float64), axis=1) * rows.largest
        if self.spec.metric is Metric.L2:
            scale = scale + rows.largest**2
        return bool(((scale == 0.0) | ((scale >= low) & (scale <= high))).all())

    def _slack(self, queries: Scores, rows: _Rows) -> Scores:
        """Bound the error of a score in the queries' precision; shape (q,).

        Rounding errors of a sum of dim products grow with the square root of dim (Higham and Mary,
        https://doi.org/10.1137/18M1226312); the factor 8 makes the bound hold with a probability that is 1 in practice.
        """
        largest = 1.0 if self.spec.metric is Metric.COSINE else rows.largest
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


def _queries_per_block(k: int) -> int:
    return max(1, min(256, _SCORES_PER_BLOCK // max(_FIRST_ROWS, 2 * k)))
