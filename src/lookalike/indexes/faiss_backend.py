"""FAISS (https://faiss.ai): any index that its factory makes."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import IndexUnusableError, InputError, first_line
from lookalike.indexes.base import Footprint
from lookalike.indexes.faiss_clustering import FEWEST_CENTROIDS, train_lists
from lookalike.indexes.faiss_library import faiss
from lookalike.indexes.faiss_parameters import bytes_a_row, known_parameters, layers, search_parameters, selector_of
from lookalike.indexes.faiss_presets import effort_to_build, factory_for, oversampling, parameters_of
from lookalike.indexes.memory_advice import use_huge_pages
from lookalike.metric import Metric
from lookalike.options import Options, Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.indexes.base import IndexSpec
    from lookalike.indexes.preparation import PreparedRows

_faiss: Any = faiss  # typed in some releases of FAISS, and not as it behaves
_FILE, _FACTORY = "index.faiss", "factory.txt"
_ORIGIN = re.compile(r"^Error in .* at \S+:\d+: (Error: )?('.*' failed: (?=\S))?")
_MANY = 100_000
_SAMPLE, _SAMPLE_PER_LIST = 65_536, 16
"""Clustering takes time in lists times rows."""
_BYTES_A_LIST = 4_096
"""Of a list itself and its place in a graph of lists, and what its last block of codes lacks to be full."""
_MAPPED = getattr(faiss, "IO_FLAG_MMAP_IFC", faiss.IO_FLAG_MMAP)
"""Maps codes, lists and graphs; releases before it had come map the lists alone."""


class FaissBackend:
    """Proposes what a FAISS index finds.

    Specs: ``faiss:FACTORY`` for any factory string, ``faiss`` for a suitable one, or a preset, ``ivfpq``, ``hnsw`` or
    ``sq8``, whose options are in :mod:`lookalike.indexes.faiss_presets`. Options of searches too, where the structure
    has them: ``nprobe`` (lists that are visited), ``efSearch`` (the breadth in a graph), ``k_factor`` (how many times k
    rows are refined), ``oversample`` (how many times k rows are scored exactly).
    """

    stays_on_a_core = True

    def __init__(self, index: Any, spec: IndexSpec, *, factory: str, path: Path | None = None) -> None:
        options = Options(spec.choice)
        factory_for(options, index.ntotal, spec.dim, spec.metric)  # its options are known ones
        effort_to_build(options)
        known = {
            "oversample": Parameter(2 if spec.projection else oversampling(factory), is_whole=False),
            **known_parameters(index, always=parameters_of(options)),
        }
        self.parameters = {name: options.parameter(name, parameter) for name, parameter in known.items()}
        options.refuse_others()
        self._index = index
        self._factory = factory
        self._path = path
        """Where it is mapped from; None for an index in memory."""
        self._can_filter: bool | None = None
        self._unfiltered = lru_cache(maxsize=8)(lambda values: search_parameters(index, dict(values), None))

    @classmethod
    def build(cls, rows: PreparedRows, spec: IndexSpec, *, seed: int) -> FaissBackend:
        """Train on a sample of the rows, then add all of them chunk by chunk."""
        factory = factory_for(Options(spec.choice), len(rows), rows.dim, spec.metric)
        index = _made(factory, rows.dim, spec.metric)
        backend = cls(index, spec, factory=factory)  # refuses wrong options before the work
        if effort := effort_to_build(Options(spec.choice)):
            index.hnsw.efConstruction = effort
        if not index.is_trained:
            _train(index, rows.sample(_sample_for(_lists_of(index)), seed=seed), factory)
        for part in layers(index):
            _make_room(part, len(rows))
        for chunk in rows.chunks():
            backend.insert(chunk)
            del chunk  # before the next is made
        for part in layers(index):
            if isinstance(part, faiss.IndexHNSW) and len(rows):
                graph: Any = part.hnsw
                use_huge_pages(int(graph.neighbors.data()), 4 * graph.neighbors.size())
        return backend

    @classmethod
    def check(cls, spec: IndexSpec) -> None:
        """Refuse options that no number of rows would make right."""
        factory = factory_for(Options(spec.choice), _MANY, spec.dim, spec.metric)
        cls(_made(factory, spec.dim, spec.metric), spec, factory=factory)

    @classmethod
    def footprint(cls, rows: int, spec: IndexSpec) -> Footprint:
        """Bound what :meth:`build` takes: arrays that grow hold everything twice, and training precedes that."""
        factory = factory_for(Options(spec.choice), rows, spec.dim, spec.metric)
        index = _made(factory, spec.dim, spec.metric)
        lists = _lists_of(index)
        leaves_over = any(getattr(part, "by_residual", False) for part in layers(index))
        copies = 2 if leaves_over or lists >= FEWEST_CENTROIDS else 1
        fixed = lists * (4 * spec.dim + _BYTES_A_LIST)
        stored = rows * sum(map(bytes_a_row, layers(index)))
        sampled = 0 if index.is_trained else min(rows, _sample_for(lists))
        training = 4 * spec.dim * sampled * copies
        return Footprint(fixed + max(2 * stored, training), fixed + stored)

    @classmethod
    def load(cls, folder: Path, spec: IndexSpec) -> FaissBackend:
        """Map the file that :meth:`save` wrote."""
        path = folder / _FILE
        if not (folder / _FACTORY).is_file():
            raise IndexUnusableError(str(folder), f"{_FACTORY} is missing")
        try:
            index = faiss.read_index(str(path), _MAPPED)
        except RuntimeError as error:
            try:
                index = faiss.read_index(str(path))  # where files cannot be mapped
            except RuntimeError:
                raise IndexUnusableError(str(folder), _reason(error)) from error
        if index.d != spec.dim:
            raise IndexUnusableError(str(folder), f"{_FILE} is of {index.d} dimensions, not {spec.dim}")
        return cls(index, spec, factory=(folder / _FACTORY).read_text(encoding="utf-8"), path=path)

    @property
    def can_filter(self) -> bool:
        """Whether searches of this structure take a filter, which differs between releases of FAISS."""
        if self._can_filter is None:
            self._can_filter = _takes_filters(self._index, self.parameters)
        return self._can_filter

    @property
    def nbytes(self) -> int:
        """The size of the index as a file, in bytes."""
        if self._path is not None:
            return self._path.stat().st_size
        counted = 0

        def count(block: bytes) -> int:
            nonlocal counted
            counted += len(block)
            return len(block)

        faiss.write_index(self._index, _faiss.PyCallbackIOWriter(count))
        return counted

    @property
    def details(self) -> Mapping[str, str | int | float]:
        """The factory string."""
        return {"factory": self._factory}

    def propose(
        self,
        queries: Vectors,
        count: int,
        *,
        allowed: npt.NDArray[np.bool_] | None,
        parameters: Mapping[str, float],
    ) -> Positions:
        """Return what FAISS finds."""
        chosen = self._unfiltered(tuple(parameters.items()))
        if allowed is not None:
            chosen = search_parameters(self._index, parameters, selector_of(allowed))
        _, positions = self._index.search(np.ascontiguousarray(queries), count, params=chosen)
        return np.asarray(positions, np.int64)

    def insert(self, rows: Vectors) -> None:
        """Add prepared rows; a mapped index is read into memory first."""
        if self._path is not None:
            self._index, self._path = faiss.read_index(str(self._path)), None
        try:
            self._index.add(np.ascontiguousarray(rows))
        except RuntimeError as error:
            msg = f"FAISS cannot add rows to {self._factory} ({_reason(error)}); build it again over all of them"
            raise InputError(msg) from error

    def save(self, folder: Path) -> None:
        """Write the index as FAISS does."""
        try:
            faiss.write_index(self._index, str(folder / _FILE))
        except RuntimeError as error:
            raise OSError(_reason(error)) from error
        (folder / _FACTORY).write_text(self._factory, encoding="utf-8")


def _made(factory: str, dim: int, metric: Metric) -> Any:
    kind = faiss.METRIC_L2 if metric is Metric.L2 else faiss.METRIC_INNER_PRODUCT
    try:
        index = faiss.index_factory(dim, factory, kind)
    except RuntimeError as error:
        msg = (
            f"FAISS cannot make an index {factory!r} of {dim} dimensions ({_reason(error)}); "
            "its grammar: github.com/facebookresearch/faiss/wiki/The-index-factory"
        )
        raise InputError(msg) from error
    for part in layers(index):
        if isinstance(part, faiss.IndexIDMap):
            msg = f"the ids of FAISS are positions here, and {factory} would give others; leave IDMap out"
            raise InputError(msg)
        if isinstance(part, faiss.IndexIVF):
            part.cp.min_points_per_centroid = 1  # no warning about small galleries on the user's screen
        if hasattr(part, "pq"):
            part.pq.cp.min_points_per_centroid = 1
    return index


def _make_room(part: Any, rows: int) -> None:
    """Let the codes of a layer, which grow as rows are added, have their place in huge pages from the beginning."""
    if isinstance(part, faiss.IndexHNSW):
        part = faiss.downcast_index(part.storage)
    elif isinstance(part, faiss.IndexRefine):
        part = faiss.downcast_index(part.refine_index)
    if isinstance(part, faiss.IndexFlatCodes) and rows:
        codes, size = part.codes, rows * part.code_size
        codes.resize(size)
        use_huge_pages(int(codes.data()), size)
        codes.resize(0)


def _lists_of(index: Any) -> int:
    return max((part.nlist for part in layers(index) if isinstance(part, faiss.IndexIVF)), default=0)


def _sample_for(lists: int) -> int:
    """Return from how many rows an index of so many lists learns."""
    return max(_SAMPLE, _SAMPLE_PER_LIST * lists)


def _train(index: Any, sample: Vectors, factory: str) -> None:
    try:
        # behind a transform the sample is another
        for part in takewhile(lambda part: not isinstance(part, faiss.IndexPreTransform), layers(index)):
            train_lists(part, sample)
        index.train(sample)
    except RuntimeError as error:
        msg = (
            f"FAISS cannot train {factory} with {len(sample)} rows ({_reason(error)}); "
            "choose fewer lists or bits, or the index exact"
        )
        raise InputError(msg) from error


def _takes_filters(index: Any, parameters: Mapping[str, Parameter]) -> bool:
    """Try a search with a filter."""
    values = {name: parameter.default for name, parameter in parameters.items()}
    selector = selector_of(np.ones(max(index.ntotal, 1), np.bool_))
    chosen = search_parameters(index, values, selector)
    try:
        index.search(np.zeros((1, index.d), np.float32), 1, params=chosen)
    except RuntimeError:
        return False
    return True


def _reason(error: RuntimeError) -> str:
    """Return what FAISS says, without the names of its functions and files."""
    return _ORIGIN.sub("", first_line(error)).strip(": ")
