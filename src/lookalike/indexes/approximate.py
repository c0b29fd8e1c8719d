"""An approximate index: a backend proposes rows, and their scores, filters and order are exact."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from lookalike.arrays import as_vectors
from lookalike.cores import usable_cores
from lookalike.errors import IndexUnusableError, InputError, ShapeError, UnknownNameError
from lookalike.indexes.base import Neighbors
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.files import Header, read_array, read_norms, write_header, write_norms
from lookalike.indexes.preparation import Preparation, PreparedRows
from lookalike.indexes.rescoring import nearest_of
from lookalike.indexes.scoring import WideQueries, row_norms
from lookalike.indexes.threads import on_all_cores
from lookalike.metric import Metric
from lookalike.projections.fitting import fit_projection
from lookalike.projections.linear import LinearProjection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.indexes.base import Backend, GrowingBackend, IndexSpec, TableBackend

    Mask = npt.NDArray[np.bool_]

_QUERIES = 256
_LEAST_QUERIES = 64
"""Of fewer for each core, the structure itself divides the work better."""
_FEW_ROWS = 1_000
_FEW_SHARE = 0.02
_NOT_MANY_ROWS = 20_000
_OVERASK = 1.5
_DELETED, _PROJECTION, _BACKEND = "deleted.npy", "projection", "backend"


class ApproximateIndex:
    """Searches what a backend proposes; made by :func:`lookalike.indexes.building.build_index`.

    What holds for every backend: a score is that of an exact search to the last digit, whatever the backend computed;
    only allowed rows are found; among few allowed rows, or for a k that is a good part of them, the search is exact;
    and a query whose proposals came short of k is searched exactly, so as many rows are found as there are.
    """

    is_exact = False

    def __init__(
        self,
        vectors: Vectors,
        spec: IndexSpec,
        *,
        backend: Backend,
        preparation: Preparation,
        norms: npt.NDArray[np.float32],
    ) -> None:
        self.spec = spec
        self._backend = backend
        self._preparation = preparation
        self._vectors, self._norms = vectors, norms
        self._exact = ExactIndex(vectors, metric=spec.metric, norms=norms)
        self._cores = usable_cores() if getattr(backend, "stays_on_a_core", False) else 1
        self._live: Mask | None = None
        self._defaults = dict(self.parameters)

    @classmethod
    def build(cls, backend: type[Backend], vectors: Vectors, spec: IndexSpec, *, seed: int = 0) -> ApproximateIndex:
        """Build an index of a backend's class; see :func:`lookalike.indexes.building.build_index`."""
        norms = _norms(vectors)
        is_raw = bool(getattr(backend, "is_raw", False))
        if is_raw and spec.projection:
            msg = f"{spec.backend} searches the gallery's own embeddings, so it takes no projection; leave it out"
            raise InputError(msg)
        scale = 1.0 if is_raw or spec.metric is Metric.COSINE else _scale(norms)
        preparation = Preparation(spec.metric, scale, is_raw=is_raw)
        if spec.projection:
            prepared = PreparedRows(vectors, preparation, spec.dim)
            projection = fit_projection(spec.projection, cast("Vectors", prepared), seed=seed)
            preparation = replace(preparation, projection=projection)
        inner = _backend_spec(spec, preparation)
        built = backend.build(PreparedRows(vectors, preparation, inner.dim), inner, seed=seed)
        return cls(vectors, spec, backend=built, preparation=preparation, norms=norms)

    @classmethod
    def load(cls, backend: type[Backend], path: Path, vectors: Vectors, header: Header) -> ApproximateIndex:
        """Open what :meth:`save` wrote; see :func:`lookalike.indexes.building.load_index`."""
        spec = header.spec
        try:
            scale, is_raw = float(header.extra["scale"]), bool(header.extra["is_raw"])
        except (KeyError, TypeError, ValueError) as error:
            raise IndexUnusableError(str(path), f"index.json is damaged: {error}") from error
        try:
            projection = LinearProjection.load(path / _PROJECTION) if spec.projection else None
        except InputError as error:
            raise IndexUnusableError(str(path), str(error)) from error
        preparation = Preparation(spec.metric, scale, projection, is_raw=is_raw)
        loaded = backend.load(path / _BACKEND, _backend_spec(spec, preparation))
        if is_raw:
            cast("TableBackend", loaded).attach(vectors)
        norms = read_norms(path, len(vectors))
        index = cls(vectors, spec, backend=loaded, preparation=preparation, norms=norms)
        deleted = read_array(path, _DELETED)
        if len(deleted):
            index.delete(deleted)
        return index

    @property
    def backend(self) -> Backend:
        """The structure that proposes rows."""
        return self._backend

    @property
    def vectors(self) -> Vectors:
        """The rows, those that were inserted at the end; shape (n, dim)."""
        return self._vectors

    @property
    def nbytes(self) -> int:
        """The size of what was built, in bytes; the rows themselves, which the gallery has, do not count."""
        projection = self._preparation.projection
        return self._backend.nbytes + int(self._norms.nbytes) + (0 if projection is None else projection.nbytes)

    @property
    def parameters(self) -> Mapping[str, float]:
        """What a search may be given, with the values it has where it is not given."""
        return {name: parameter.default for name, parameter in self._backend.parameters.items()}

    @property
    def details(self) -> Mapping[str, str | int | float]:
        """What was chosen where the spec left it open, such as the number of lists."""
        return self._backend.details

    def __len__(self) -> int:
        """Return the number of positions, those of deleted rows included."""
        return len(self._vectors)

    def search(
        self,
        queries: Vectors,
        k: int,
        allowed: Mask | None = None,
        *,
        parameters: Mapping[str, float] | None = None,
    ) -> Neighbors:
        """Return about the ``k`` nearest rows for each query; see :meth:`lookalike.indexes.base.Index.search`.

        Parameters
        ----------
        queries, k, allowed : as for every index.
        parameters : values for some of :attr:`parameters`, for this search alone.

        Raises
        ------
        ShapeError : if ``queries`` or ``allowed`` has another shape.
        InputError : if k or a parameter cannot be used.
        UnknownNameError : if there is no such parameter.
        """
        queries = as_vectors(queries, dim=self.spec.dim)
        values = self._values(parameters or {})
        if allowed is not None and allowed.shape != (len(self),):
            expected = f"({len(self)},)"
            raise ShapeError(expected, allowed.shape)
        if self._live is not None:
            allowed = self._live if allowed is None else allowed & self._live
        eligible = len(self) if allowed is None else int(np.count_nonzero(allowed))
        if k < 1 or self._is_few(eligible, k, is_filtered=allowed is not None):
            return self._exact.search(queries, k, allowed)
        parts, in_threads = _parts(len(queries), self._cores)
        if len(parts) == 1:
            return self._search_block(queries, k, allowed, (eligible, values))
        result = Neighbors.padding(len(queries), k)

        def search(part: slice) -> None:
            found = self._search_block(queries[part], k, allowed, (eligible, values))
            result.positions[part], result.scores[part] = found.positions, found.scores

        deque(on_all_cores(search, parts) if in_threads else map(search, parts), maxlen=0)
        return result

    def insert(self, vectors: Vectors) -> Positions:
        """Append rows and return their positions; the rows so far are copied, so insert many at once.

        Parameters
        ----------
        vectors : shape (m, dim).

        Returns
        -------
        Shape (m,): the positions that follow those of the rows so far.

        Raises
        ------
        ShapeError : if the rows have another dimension.
        InputError : if the backend takes no rows in.
        """
        vectors = as_vectors(vectors, dim=self.spec.dim)
        if not hasattr(self._backend, "insert"):
            msg = f"an index of {self.spec.backend} takes no rows in; build it again over all of them"
            raise InputError(msg)
        if len(vectors):
            cast("GrowingBackend", self._backend).insert(self._preparation.rows(vectors))
        before = len(self)
        self._vectors = np.concatenate([self._vectors, vectors])
        self._norms = np.concatenate([self._norms, row_norms(vectors)])
        self._exact = ExactIndex(self._vectors, metric=self.spec.metric, norms=self._norms)
        if self._live is not None:
            self._live = np.concatenate([self._live, np.ones(len(vectors), np.bool_)])
        return np.arange(before, len(self))

    def delete(self, positions: Positions) -> None:
        """Let no search find these rows again; all positions stay what they are.

        Raises
        ------
        InputError : if there is no such position.
        """
        positions = np.asarray(positions, np.int64).reshape(-1)
        if len(positions) and (positions.min() < 0 or positions.max() >= len(self)):
            msg = f"positions are from 0 to {len(self) - 1}, got {positions.min()} to {positions.max()}"
            raise InputError(msg)
        live = np.ones(len(self), np.bool_) if self._live is None else self._live.copy()
        live[positions] = False
        self._live = live

    def save(self, path: Path) -> None:
        """Write the index, without the rows, into a new folder at ``path``.

        Raises
        ------
        OSError : if it cannot be written.
        """
        path.mkdir(parents=True)
        (path / _BACKEND).mkdir()
        self._backend.save(path / _BACKEND)
        if self._preparation.projection is not None:
            self._preparation.projection.save(path / _PROJECTION)
        write_norms(path, self._norms)
        np.save(path / _DELETED, np.empty(0, np.int64) if self._live is None else np.flatnonzero(~self._live))
        extra = {"scale": self._preparation.scale, "is_raw": self._preparation.is_raw}
        write_header(path, Header(self.spec, extra), self._vectors)

    def _values(self, given: Mapping[str, Any]) -> dict[str, float]:
        if not given:
            return self._defaults
        known = self._backend.parameters
        for name in given:
            if name not in known:
                kind = f"search parameter of {self.spec.backend!r}"
                raise UnknownNameError(kind, name, known)
        return {**self._defaults, **{name: known[name].checked(name, value) for name, value in given.items()}}

    def _is_few(self, eligible: int, k: int, *, is_filtered: bool) -> bool:
        if 2 * k >= eligible:
            return True
        return is_filtered and eligible <= min(max(_FEW_ROWS, _FEW_SHARE * len(self)), _NOT_MANY_ROWS)

    def _search_block(
        self, queries: Vectors, k: int, allowed: Mask | None, effort: tuple[int, dict[str, float]]
    ) -> Neighbors:
        eligible, values = effort
        count = math.ceil(k * values.get("oversample", 1))
        if allowed is not None and not self._backend.can_filter:
            count = math.ceil(_OVERASK * count * len(self) / eligible)
        passed = allowed if self._backend.can_filter else None
        asked = WideQueries.of(queries)
        prepared = self._preparation.queries(asked)
        proposals = self._backend.propose(prepared, min(count, len(self)), allowed=passed, parameters=values)
        if allowed is not None:
            proposals = np.where((proposals >= 0) & allowed[proposals], proposals, -1)
        found = nearest_of(asked, proposals, self._exact, k)
        last = found.positions[:, min(k, eligible) - 1]
        if last.min() < 0:
            short = np.flatnonzero(last < 0)
            completed = self._exact.search(queries[short], k, allowed)
            found.positions[short], found.scores[short] = completed.positions, completed.scores
        return found


def _parts(queries: int, cores: int) -> tuple[list[slice], bool]:
    """Divide a batch into equal parts, and say whether they are for several cores, as many for each."""
    in_threads = cores > 1 and queries >= _LEAST_QUERIES * cores
    at_once = cores if in_threads else 1
    count = at_once * -(-queries // (at_once * _QUERIES))
    step = max(1, -(-queries // max(1, count)))
    return [slice(start, start + step) for start in range(0, queries, step)], in_threads


def _norms(vectors: Vectors) -> npt.NDArray[np.float32]:
    parts = [row_norms(np.asarray(vectors[start : start + 8_192])) for start in range(0, len(vectors), 8_192)]
    return np.concatenate(parts) if parts else np.empty(0, np.float32)


def _scale(norms: npt.NDArray[np.float32]) -> float:
    largest = min(float(norms.max(initial=0.0)), float(np.finfo(np.float32).max))
    return 1.0 / largest if largest > 0 else 1.0


def _backend_spec(spec: IndexSpec, preparation: Preparation) -> IndexSpec:
    dim = spec.dim if preparation.projection is None else preparation.projection.dim
    return replace(spec, metric=preparation.backend_metric, dim=dim)
