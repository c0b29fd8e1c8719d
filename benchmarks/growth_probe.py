"""Builds or serves one index in this process and prints what it took, as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.memory_probe import Sampler
from benchmarks.mixtures import DIM, mixture
from benchmarks.page_cache import evict, files_below
from lookalike.evaluation.memory import peak_bytes
from lookalike.indexes.building import load_index
from lookalike.indexes.recall import seconds_each
from lookalike.indexes.tuning import Goal, Tuner
from lookalike.search.reading_ahead import read_ahead

_SPEC, _RECALL = "ivfpq", 0.95
_ROWS, _INDEX, _QUERIES = "rows.f32", "index", "queries.npy"
_LIMIT = 6_000_000_000
_GROUP = Path("/sys/fs/cgroup/memory/lookalike-growth")
_MOST_USED = _GROUP / "memory.max_usage_in_bytes"


def build(folder: Path, rows: int) -> dict[str, Any]:
    """Generate the rows, build the index over them, and find its cheapest parameters."""
    vectors = mixture(rows, file=folder / _ROWS)
    tuner = Tuner(vectors, goal=Goal(_RECALL), report=lambda text: print(text, file=sys.stderr))
    np.save(folder / _QUERIES, tuner.truth.queries)
    with Sampler() as sampler:
        tuned = tuner.tune(_SPEC)
    index: Any = tuned.index
    index.save(folder / _INDEX)
    return {
        "factory": index.details["factory"],
        "parameters": dict(tuned.parameters),
        "recall": tuned.recall,
        "build_seconds": tuned.build_seconds,
        "build_anonymous": sampler.peak,
        "bytes": index.nbytes,
    }


def serve(folder: Path, parameters: dict[str, float]) -> dict[str, Any]:
    """Open the index, within a limit of memory where the system lets this process set one, and ask it."""
    is_limited = _limit_memory()
    evict(files_below(folder))  # so that all that is read from now on counts as memory of this process
    vectors = np.memmap(folder / _ROWS, np.float32, "r").reshape(-1, DIM)
    index: Any = load_index(folder / _INDEX, vectors)
    queries = np.load(folder / _QUERIES)
    read_ahead(folder / _INDEX)  # as `lookalike serve` does

    def search(asked: Any, k: int) -> Any:
        return index.search(asked, k, parameters=parameters)

    search(queries[: len(queries) // 2], 10)  # what a service that has run for a while has read
    single = 1e3 * seconds_each(search, queries[len(queries) // 2 :], 10)
    again = 1e3 * seconds_each(search, queries, 10)
    started = time.perf_counter()
    search(queries, 10)
    seconds = time.perf_counter() - started
    return {
        "limited": is_limited,
        "p50_first": float(np.median(single)),
        "p50": float(np.median(again)),
        "p99": float(np.percentile(again, 99)),
        "queries_per_second": len(queries) / seconds,
        "peak": int(_MOST_USED.read_text()) if is_limited else peak_bytes(),
    }


def _limit_memory() -> bool:
    with suppress(OSError):
        _GROUP.mkdir(exist_ok=True)
        (_GROUP / "memory.limit_in_bytes").write_text(str(_LIMIT))
        _MOST_USED.write_text("0")
        (_GROUP / "tasks").write_text(str(os.getpid()))
        return True
    return False


if __name__ == "__main__":
    place = Path(sys.argv[2])
    print(
        json.dumps(build(place, int(sys.argv[3])) if sys.argv[1] == "build" else serve(place, json.loads(sys.argv[3])))
    )
