"""Indexes side by side over one gallery: recall against exact search, speed, time to build, and size.

Recall is counted as in ann-benchmarks (https://github.com/erikbern/ann-benchmarks); see
:meth:`lookalike.indexes.recall.Truth.recall`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import BackendMissingError, InputError
from lookalike.evaluation.reference_indexes import REFERENCES, build_reference
from lookalike.indexes.building import build_index
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.recall import searching, seconds_each, true_neighbours
from lookalike.indexes.rescoring import nearest_of
from lookalike.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lookalike.arrays import Vectors
    from lookalike.indexes.recall import Search, Truth

DEFAULT_SPECS = ("exact", "ivfpq", "hnsw", "sq8", "lsh", "scann")
"""What is compared where nothing is named; ``scann`` only where it is installed."""
_EFFORTS = (0.03125, 0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
_FINER_EFFORTS = (0.1875, 0.375, 0.75, 1.5, 3.0)
"""Between these, for graphs, as other libraries' graphs are measured."""
_REFINEMENTS = (0.25, 0.5, 1.0, 1.5, 2.0, 4.0)
_SINGLE = 100
_SECONDS = 0.3
"""A batch is repeated for so long, so that its speed is that of a busy machine."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One index with one setting of its search parameters."""

    index: str
    params: Mapping[str, float]
    recall: float
    queries_per_second: float
    """All queries in one batch."""
    p50: float
    """Of single queries, in milliseconds, as the next."""
    p99: float
    build_seconds: float
    nbytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return the measurements as JSON-ready values."""
        return {
            "index": self.index,
            "params": dict(self.params),
            "recall": round(self.recall, 4),
            "queries_per_second": round(self.queries_per_second, 1),
            "latency_ms": {"p50": round(self.p50, 3), "p99": round(self.p99, 3)},
            "build_seconds": round(self.build_seconds, 2),
            "bytes": self.nbytes,
        }


@dataclass(slots=True)
class IndexBenchmark:
    """Measures indexes over the same rows with the same queries: rows themselves, left out of their answers."""

    vectors: Vectors
    """Shape (n, dim), in memory or mapped."""
    metric: Metric = Metric.COSINE
    k: int = 10
    queries: int = 500
    report: Callable[[str], None] = lambda _: None
    """Told what is being done, and what could not be."""
    table: Callable[[], Vectors] | None = None
    """Gives the same rows as the table that they are stored in, for an index that is part of it."""
    searches: dict[tuple[str, tuple[tuple[str, float], ...]], Search] | None = None
    """Takes in each search, by its index and its parameters, where it is to be measured again; all stay in memory."""
    _truth: Truth | None = None
    _index: ExactIndex | None = None

    def run(self, specs: Sequence[str] | None = None) -> Iterator[Measured]:
        """Yield measurements, several for each index that has search parameters.

        Parameters
        ----------
        specs : specs of indexes, or of the references that take part where they are installed, ``hnswlib`` and
            ``usearch``; by default a choice of both.

        Raises
        ------
        InputError : if an index that was named cannot be built over these rows.
        UnknownNameError : if there is none of that name.
        BackendMissingError : if the library of one that was named is not installed.
        """
        if specs:
            for spec in specs:
                yield from self._measured(spec)
        else:
            for spec in (*DEFAULT_SPECS, *REFERENCES):
                yield from self._measured_if_possible(spec)

    def _measured_if_possible(self, spec: str) -> Iterator[Measured]:
        try:
            yield from self._measured(spec)
        except (BackendMissingError, InputError) as error:
            self.report(f"{spec} is left out: {error}")

    def _measured(self, spec: str) -> Iterator[Measured]:
        self.report(f"building {spec} over {len(self.vectors):,} rows")
        started = time.perf_counter()
        if spec in REFERENCES:
            reference = build_reference(spec, self.vectors, metric=self.metric)
            built = time.perf_counter() - started
            for value in reference.efforts:
                params = {reference.parameter: float(value)}
                yield self._measure(spec, params, reference.search(value), (built, reference.nbytes))
            return
        index = build_index(spec, self.vectors, metric=self.metric, table=self.table)
        built = time.perf_counter() - started
        settings = [{}] if isinstance(index, ExactIndex) else _settings(index.parameters, index.backend.parameters)
        for parameters in settings:
            yield self._measure(spec, parameters, searching(index, parameters), (built, index.nbytes))

    def _measure(self, spec: str, params: Mapping[str, float], search: Search, cost: tuple[float, int]) -> Measured:
        if self.searches is not None:
            self.searches[spec, tuple(params.items())] = search
        truth = self._known_truth()
        found = truth.ask(search)
        # a library's own scores may be rounded otherwise, so what it found is scored again
        recall = truth.recall(nearest_of(truth.queries, found.positions, self._exact(), truth.k))
        done, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < _SECONDS or done == 0:
            search(truth.queries, truth.k)
            done += len(truth.queries)
        single = 1e3 * seconds_each(search, truth.queries[:_SINGLE], truth.k)
        p50, p99 = np.percentile(single, [50, 99]) if len(single) else (0.0, 0.0)
        return Measured(spec, params, recall, done / max(passed, 1e-9), float(p50), float(p99), *cost)

    def _known_truth(self) -> Truth:
        if self._truth is None:
            self.report(f"finding the true neighbours of {min(self.queries, len(self.vectors)):,} rows")
            self._truth = true_neighbours(self._exact(), count=self.queries, k=self.k)
        return self._truth

    def _exact(self) -> ExactIndex:
        if self._index is None:
            self._index = ExactIndex(self.vectors, metric=self.metric)
        return self._index


def best_of_each(found: Sequence[Measured], recall: float) -> list[Measured]:
    """Return for each index its fastest setting that reaches a recall, or its best recall where none does."""
    best: dict[str, Measured] = {}
    for row in found:
        held = best.get(row.index)
        if held is None or _rank(row, recall) > _rank(held, recall):
            best[row.index] = row
    return list(best.values())


def _rank(row: Measured, recall: float) -> tuple[bool, float]:
    reaches = row.recall >= recall
    return reaches, row.queries_per_second if reaches else row.recall


def _settings(defaults: Mapping[str, float], known: Mapping[str, Any]) -> Iterator[dict[str, float]]:
    """Yield settings of more and more effort: in how much is looked at, and in how much of it is refined."""
    name = next((n for n in defaults if n not in ("oversample", "k_factor")), None)
    factors = sorted({max(1.0, defaults.get("k_factor", 0.0) * refinement) for refinement in _REFINEMENTS})
    refined = [{"k_factor": factor} for factor in factors] if "k_factor" in defaults else [{}]
    if name is None:
        yield from ({**defaults, **refinement} for refinement in refined)
        return
    efforts = (*_EFFORTS, *_FINER_EFFORTS) if name == "efSearch" else _EFFORTS
    values = [defaults[name] * effort for effort in efforts] if defaults[name] else [0, 1, 2, 4, 8]
    least = known[name].at_least
    for value in sorted({max(least, round(value)) for value in values}):
        yield from ({**defaults, name: value, **refinement} for refinement in refined)
