"""Rows and queries as a backend compares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookalike.arrays import normalised
from lookalike.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lookalike.arrays import Positions, Vectors
    from lookalike.indexes.scoring import WideQueries
    from lookalike.projections.linear import LinearProjection

_BYTES_PER_CHUNK = 32 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Preparation:
    """How embeddings are changed for a backend, without changing which are near.

    For cosine, rows and queries get unit length. Otherwise rows are scaled so that the longest has length 1, which
    keeps half-precision codes within their range. Behind a projection, cosines are compared as distances of unit
    vectors, since it is distances that projections keep.
    """

    metric: Metric
    scale: float = 1.0
    """What rows are multiplied by; 1 for cosine."""
    projection: LinearProjection | None = None
    is_raw: bool = False
    """Leave everything as it is, for a backend that reads the embeddings by itself."""

    @property
    def backend_metric(self) -> Metric:
        """What the backend compares prepared rows by."""
        if self.is_raw or self.metric is not Metric.COSINE:
            return self.metric
        return Metric.INNER_PRODUCT if self.projection is None else Metric.L2

    def rows(self, vectors: Vectors) -> Vectors:
        """Prepare rows; shape (n, dim) to (n, dim of the backend), float32."""
        return self._projected(self._scaled(vectors))

    def queries(self, asked: WideQueries) -> Vectors:
        """Prepare queries; shape (q, dim) to (q, dim of the backend), float32."""
        if self.metric is Metric.L2 or self.is_raw:
            return self._projected(self._scaled(asked.vectors))
        # for inner products too: the length of a query changes no order
        return self._projected(asked.directions())

    def _scaled(self, vectors: Vectors) -> Vectors:
        if self.is_raw:
            return vectors
        if self.metric is Metric.COSINE:
            return normalised(vectors)
        scaled = np.empty(vectors.shape, np.float32)
        np.multiply(vectors, self.scale, out=scaled, dtype=np.float64, casting="same_kind")
        return scaled

    def _projected(self, vectors: Vectors) -> Vectors:
        if self.projection is None:
            return vectors
        if self.metric is Metric.INNER_PRODUCT:
            return self.projection.project_directions(vectors)
        return self.projection.project(vectors)


class PreparedRows:
    """The rows of an index, prepared as they are read, so that a build needs no copy of them all.

    Parameters
    ----------
    source : shape (n, dim), in memory, mapped, or anything that gives rows by slices and by arrays of positions.
    preparation : what happens to them.
    dim : of the prepared rows.
    """

    def __init__(self, source: Vectors, preparation: Preparation, dim: int) -> None:
        self.source = source
        self.dim = dim
        self.shape = (len(source), dim)
        self._preparation = preparation

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, positions: Positions) -> Vectors:
        return self._preparation.rows(np.asarray(self.source[positions]))

    def chunks(self) -> Iterator[Vectors]:
        """Yield all rows in order, some megabytes at a time."""
        step = rows_per_chunk(self.source.shape[1])
        for start in range(0, len(self), step):
            yield self._preparation.rows(np.asarray(self.source[start : start + step]))

    def sample(self, count: int, *, seed: int) -> Vectors:
        """Return ``count`` rows drawn without replacement, in order, or all where there are no more."""
        if count >= len(self):
            return self.whole()
        drawn = np.sort(np.random.default_rng(seed).choice(len(self), count, replace=False))
        step = rows_per_chunk(self.source.shape[1])
        return self._joined((self[drawn[start : start + step]] for start in range(0, count, step)), count)

    def whole(self) -> Vectors:
        """Return all rows in memory, shape (n, dim), for a backend that can only be built from them."""
        return self._joined(self.chunks(), len(self))

    def _joined(self, chunks: Iterable[Vectors], count: int) -> Vectors:
        joined = np.empty((count, self.dim), np.float32)
        start = 0
        for chunk in chunks:
            joined[start : start + len(chunk)] = chunk
            start += len(chunk)
            del chunk  # before the next is made
        return joined


def rows_per_chunk(dim: int) -> int:
    """Return how many rows of so many dimensions :meth:`PreparedRows.chunks` gives at a time."""
    return max(1, _BYTES_PER_CHUNK // (4 * dim))
