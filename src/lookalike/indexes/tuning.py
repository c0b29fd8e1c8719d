"""The cheapest search parameters, and the best kind of index, that reach a recall on the user's own rows."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from lookalike.errors import IndexTooLargeError, InputError, gigabytes
from lookalike.indexes.building import EXACT, build_index
from lookalike.indexes.exact import ExactIndex, is_quick
from lookalike.indexes.footprint import check_room, footprint_of
from lookalike.indexes.recall import searching, seconds_each, true_neighbours
from lookalike.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lookalike.arrays import Vectors
    from lookalike.indexes.approximate import ApproximateIndex
    from lookalike.indexes.base import Footprint
    from lookalike.indexes.recall import Truth

_QUERIES = 500
_SINGLE = 100
_CANDIDATES = ("ivfpq", "hnsw")
_REFINING = ("k_factor", "oversample", "reorder")
"""Parameters that say how many candidates are compared exactly, tried when probing more no longer helps."""
_LEAST_GAIN = 0.0005
_DOUBLINGS = 12


@dataclass(frozen=True, slots=True)
class Goal:
    """What a tuned index must reach."""

    recall: float = 0.98
    """The share of the k true neighbours that are found, on average."""
    k: int = 10
    seconds: float | None = None
    """At most that long for one query, at the median; None: as fast as it gets."""
    nbytes: int | None = None
    """At most so large; None: any size."""

    def __post_init__(self) -> None:
        if not 0 < self.recall <= 1:
            msg = f"the recall to reach must be above 0 and at most 1, got {self.recall:g}"
            raise InputError(msg)
        if self.k < 1:
            msg = f"k must be at least 1, got {self.k}"
            raise InputError(msg)


@dataclass(frozen=True, slots=True)
class Tuned:
    """An index with the search parameters that were found for it, and what was measured with them."""

    index: ExactIndex | ApproximateIndex
    parameters: Mapping[str, float]
    recall: float
    """Recall@k over ``queries`` rows of the gallery, each left out of its own answer."""
    k: int
    queries: int
    seconds: float
    """For one query, at the median."""
    build_seconds: float
    reaches: bool
    """Whether the recall and the budgets were met."""
    footprint: Footprint | None
    """What it was said to take at most before it was built; None where the backend does not tell."""

    def to_dict(self) -> dict[str, Any]:
        """Return what was found as JSON-ready values."""
        return {
            "index": str(self.index.spec),
            "parameters": dict(self.parameters),
            "recall": round(self.recall, 4),
            "k": self.k,
            "queries": self.queries,
            "latency_ms": round(1e3 * self.seconds, 3),
            "build_seconds": round(self.build_seconds, 2),
            "bytes": self.index.nbytes,
            "reaches": self.reaches,
            "footprint": None if self.footprint is None else asdict(self.footprint),
        }


@dataclass(frozen=True, slots=True)
class _Built:
    index: ExactIndex | ApproximateIndex
    seconds: float
    footprint: Footprint | None


@dataclass(frozen=True, slots=True)
class _Try:
    parameters: Mapping[str, float]
    recall: float
    seconds: float


@dataclass(slots=True)
class Tuner:
    """Tunes indexes over the same rows, with the true neighbours found once."""

    vectors: Vectors
    """Shape (n, dim), in memory or mapped."""
    metric: Metric = Metric.COSINE
    goal: Goal = field(default_factory=Goal)
    seed: int = 0
    report: Callable[[str], None] = lambda _: None
    """Told what is being done."""
    table: Callable[[], Vectors] | None = None
    """Gives the same rows as the table that they are stored in, for an index that is part of it."""
    folder: Path | None = None
    """Where the index is to be kept, whose disk must have room for it."""
    _truth: Truth | None = None

    @property
    def truth(self) -> Truth:
        """The rows that are asked with, and their true neighbours."""
        if self._truth is None:
            exact = ExactIndex(self.vectors, metric=self.metric)
            self._truth = true_neighbours(exact, count=_QUERIES, k=self.goal.k, seed=self.seed)
        return self._truth

    def tune(self, spec: str) -> Tuned:
        """Build one index and find the cheapest parameters that reach the recall.

        Raises
        ------
        InputError : if the spec cannot be used with these rows, or the index would not fit into this machine.
        BackendMissingError : if its library is not installed.
        """
        return self._parametrised(self._built(spec), spec)

    def measure(self, spec: str, parameters: Mapping[str, float] | None = None) -> Tuned:
        """Build one index and measure it with those search parameters, else with its own; raises as :meth:`tune`."""
        return self._measured(self._built(spec), parameters or {})

    def keep_up(self, spec: str, parameters: Mapping[str, float]) -> Tuned:
        """Build one index, and tune it if parameters that were found over fewer rows miss the recall here.

        Raises
        ------
        InputError, BackendMissingError : as :meth:`tune` does.
        """
        built = self._built(spec)
        measured = self._measured(built, parameters)
        if measured.recall >= self.goal.recall:
            return measured
        self.report(f"its recall has fallen to {measured.recall:.3f}")
        return self._parametrised(built, spec)

    def choose(self, specs: Sequence[str] | None = None) -> Tuned:
        """Tune several indexes and return the fastest that reaches the goal, else the one of the highest recall.

        Parameters
        ----------
        specs : what to try; by default exact search alone while it is fast enough, else graphs and coded lists. Of
            several, those that would not fit into this machine are told of and left out.

        Raises
        ------
        InputError, BackendMissingError : as :meth:`tune` does.
        """
        if not specs:
            is_free = self.goal.seconds is None and self.goal.nbytes is None
            specs = (EXACT,) if is_free and is_quick(self.vectors) else _CANDIDATES
        best: Tuned | None = None
        for spec in specs:
            tuned = self._tuned_if_it_fits(spec, is_last_hope=best is None and spec == specs[-1])
            # the memory of the lesser is free before the next is built
            best = max((one for one in (best, tuned) if one is not None), key=self._worth, default=None)
            del tuned
        return cast("Tuned", best)  # the last hope has raised otherwise

    def _tuned_if_it_fits(self, spec: str, *, is_last_hope: bool) -> Tuned | None:
        try:
            return self.tune(spec)
        except IndexTooLargeError as error:
            if is_last_hope:
                raise
            self.report(str(error))
            return None

    def _worth(self, tuned: Tuned) -> tuple[bool, bool, float]:
        return tuned.reaches, self._fits(tuned.index.nbytes), -tuned.seconds if tuned.reaches else tuned.recall

    def _built(self, spec: str) -> _Built:
        needed = footprint_of(spec, self.vectors, metric=self.metric)
        takes = ""
        if needed is not None and needed.memory:
            takes = f", with up to {gigabytes(needed.memory)} of memory and {gigabytes(needed.disk)} of disk"
        self.report(f"building the index {spec} over {len(self.vectors):,} rows{takes}")
        if needed is not None:
            check_room(spec, len(self.vectors), needed, self.folder)
        started = time.perf_counter()
        index = build_index(spec, self.vectors, metric=self.metric, seed=self.seed, table=self.table)
        return _Built(index, time.perf_counter() - started, needed)

    def _parametrised(self, built: _Built, spec: str) -> Tuned:
        if isinstance(built.index, ExactIndex):
            return self._tuned(built, {}, recall=1.0)
        self.report(f"finding the parameters of {spec} that reach a recall of {self.goal.recall:g}")
        best = self._cheapest(built.index)
        return self._tuned(built, best.parameters, recall=best.recall)

    def _measured(self, built: _Built, parameters: Mapping[str, float]) -> Tuned:
        chosen = {} if isinstance(built.index, ExactIndex) else {**built.index.parameters, **parameters}
        found = self.truth.ask(searching(built.index, chosen))
        return self._tuned(built, chosen, recall=self.truth.recall(found))

    def _tuned(self, built: _Built, parameters: Mapping[str, float], *, recall: float) -> Tuned:
        index = built.index
        search = searching(index, parameters)
        single = seconds_each(search, self.truth.queries[:_SINGLE], self.truth.k)
        seconds = float(np.median(single)) if len(single) else 0.0
        is_fast = self.goal.seconds is None or seconds <= self.goal.seconds
        reaches = recall >= self.goal.recall and is_fast and self._fits(index.nbytes)
        queries = len(self.truth.positions)
        return Tuned(index, parameters, recall, self.truth.k, queries, seconds, built.seconds, reaches, built.footprint)

    def _fits(self, nbytes: int) -> bool:
        return self.goal.nbytes is None or nbytes <= self.goal.nbytes

    def _cheapest(self, index: ApproximateIndex) -> _Try:
        """Double the effort until the recall is reached, halve what was too much, then divide the last step."""
        tries = list(self._climb(index))
        reaching = [done for done in tries if done.recall >= self.goal.recall]
        if not reaching:
            return max(tries, key=lambda done: done.recall)
        best = self._trimmed(index, min(reaching, key=lambda done: done.seconds), tries)
        misses = [done.parameters for done in tries if done.recall < self.goal.recall]
        for parameters in _between(best.parameters, misses):
            done = self._try(index, parameters)
            if done.recall >= self.goal.recall and done.seconds < best.seconds:
                best = done
        return best

    def _trimmed(self, index: ApproximateIndex, best: _Try, tries: list[_Try]) -> _Try:
        for name, parameter in index.backend.parameters.items():
            while (half := best.parameters[name] / 2) >= parameter.at_least:
                done = self._try(index, _whole({**best.parameters, name: half}, index))
                tries.append(done)
                if done.recall < self.goal.recall or done.seconds >= best.seconds:
                    break
                best = done
        return best

    def _climb(self, index: ApproximateIndex) -> Iterator[_Try]:
        probing = [name for name in index.parameters if name not in _REFINING]
        refining = [name for name in index.parameters if name in _REFINING]
        values = {name: max(1.0, value / 8) if name in probing else value for name, value in index.parameters.items()}
        values = _whole(values, index)
        last = self._try(index, values)
        yield last
        names = [*probing[:1], *refining]
        for name in names:
            for _ in range(_DOUBLINGS):
                if last.recall >= self.goal.recall or last.parameters[name] >= len(index):
                    break
                done = self._try(index, _whole({**last.parameters, name: max(1.0, 2 * last.parameters[name])}, index))
                yield done
                gain, last = done.recall - last.recall, done
                if gain < _LEAST_GAIN:
                    break

    def _try(self, index: ApproximateIndex, parameters: Mapping[str, float]) -> _Try:
        search = searching(index, parameters)
        started = time.perf_counter()
        found = self.truth.ask(search)
        return _Try(parameters, self.truth.recall(found), time.perf_counter() - started)


def _whole(values: Mapping[str, float], index: ApproximateIndex) -> dict[str, float]:
    known = index.backend.parameters
    return {name: round(value) if known[name].is_whole else value for name, value in values.items()}


def _between(best: Mapping[str, float], misses: Sequence[Mapping[str, float]]) -> Iterator[dict[str, float]]:
    """Yield parameters between the best that reached the recall and the nearest that missed it in one parameter."""
    for name, value in best.items():
        below = [miss[name] for miss in misses if miss[name] < value and {**miss, name: value} == dict(best)]
        if below:
            low = max(below)
            yield from ({**best, name: round(low + share * (value - low))} for share in (0.25, 0.5, 0.75))
