"""What a condition costs, and whether its hits are exact: ``python -m benchmarks.filters``."""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

import lookalike
from benchmarks.mixtures import DIM, METHOD, mixture
from benchmarks.results import Column, Result, Table, Target, publish
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.tuning import Goal
from lookalike.search.index_plan import EXACT, IndexPlan

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.api.gallery import Gallery

_K = 10
_QUERIES, _NEW_CONDITIONS = 200, 20
_SHARES = (1.0, 0.5, 0.01, 0.0001)
_CHUNK = 100_000
_RECALL = 0.98
_METHOD = (
    METHOD
    + f"""
Each row has a whole number as an attribute, drawn evenly, and a condition keeps those below a bound. Queries are rows
with a little noise, each asked alone for its {_K} nearest, through `Gallery.search` with an open gallery, pictures'
paths and attributes of the hits included. `first` is the time of a condition that was not asked before, of which
{_NEW_CONDITIONS} select about as many rows, `p50` and `p99` those of one that was. Recall@{_K} is judged by the scores
of a plain product of matrices over the rows that the condition keeps."""
)


def main() -> None:
    """Ask galleries of each size, with and without an index."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    publish(_result([run for rows in parser.parse_args().rows for run in _measured(rows)]))


def _measured(rows: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(1)
    numbers = rng.integers(0, rows, rows)
    with tempfile.TemporaryDirectory() as folder:
        gallery = lookalike.open(folder)
        vectors = mixture(rows)
        for start in range(0, rows, _CHUNK):
            part = slice(start, start + _CHUNK)
            ids = [f"{number:09}" for number in range(start, min(start + _CHUNK, rows))]
            gallery.add_embeddings(ids, vectors[part], attributes=[{"number": int(n)} for n in numbers[part]])
            gallery.store.describe(replace(gallery.store.manifest, index=IndexPlan(EXACT).to_dict()))
        spread = vectors.std(axis=0)
        noise = 0.2 * spread * rng.standard_normal((_QUERIES, DIM), dtype=np.float32)
        queries = vectors[rng.choice(rows, _QUERIES)] + noise
        exactly = [_asked(gallery, queries, vectors, numbers, share) for share in _SHARES]
        tuned = gallery.tune(Goal(_RECALL))
        if isinstance(tuned.index, ExactIndex):
            return exactly
        return exactly + [_asked(gallery, queries, vectors, numbers, share) for share in _SHARES]


def _asked(
    gallery: Gallery,
    queries: npt.NDArray[np.float32],
    vectors: npt.NDArray[np.float32],
    numbers: npt.NDArray[np.int64],
    share: float,
) -> dict[str, Any]:
    bound = round(share * len(vectors))
    condition = None if share == 1 else f"number < {bound}"
    gallery.search(queries[0], k=_K, where=condition)
    seconds, found = [], []
    for query in queries:
        started = time.perf_counter()
        hits = gallery.search(query, k=_K, where=condition)
        seconds.append(time.perf_counter() - started)
        found.append([hit.score for hit in hits])
    first = []
    for step in range(_NEW_CONDITIONS if condition else 0):
        started = time.perf_counter()
        gallery.search(queries[step], k=_K, where=f"number < {bound} and number <> -{step + 1}")
        first.append(time.perf_counter() - started)
    truth = _best_scores(queries, vectors[numbers < bound])
    return {
        "rows": len(vectors),
        "index": hits.method.index,
        "share": share,
        "kept": int((numbers < bound).sum()),
        "recall": _recall(found, truth),
        "exact": hits.is_exact,
        "first": 1e3 * float(np.median(first)) if first else None,
        "p50": 1e3 * float(np.median(seconds)),
        "p99": 1e3 * float(np.percentile(seconds, 99)),
    }


def _best_scores(queries: npt.NDArray[np.float32], rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    units = [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (queries, rows)]
    cosines = units[0] @ units[1].T
    return np.sort(cosines, axis=1)[:, ::-1][:, :_K]


def _recall(found: list[list[float]], truth: npt.NDArray[np.float32]) -> float:
    """Return the share of hits that are at least as near as the last true one, as ann-benchmarks counts them."""
    hits = sum(int((np.array(scores) >= best[-1] - 1e-5).sum()) for scores, best in zip(found, truth, strict=True))
    return hits / truth.size


def _result(runs: list[dict[str, Any]]) -> Result:
    columns = [Column("rows", ","), Column("index"), Column("kept, %", "g"), Column("kept, rows", ",")]
    columns += [Column(f"recall@{_K}", ".4f"), Column("said to be exact")]
    columns += [Column("first, ms", ".2f"), Column("p50, ms", ".2f"), Column("p99, ms", ".2f")]
    rows = [
        [
            run["rows"],
            run["index"],
            100 * run["share"],
            run["kept"],
            run["recall"],
            "yes" if run["exact"] else "no",
            run["first"],
            run["p50"],
            run["p99"],
        ]
        for run in runs
    ]
    exact = min(run["recall"] for run in runs if run["exact"])
    other = min((run["recall"] for run in runs if not run["exact"]), default=None)
    targets = [
        Target(f"recall@{_K} of what is said to be exact", exact, 1.0, is_floor=True, format=".4f"),
        Target(f"recall@{_K} through an index", other, _RECALL, is_floor=True, format=".4f"),
    ]
    return Result("filters", "Conditions", _METHOD, [Table("Searches with a condition", columns, rows)], targets)


if __name__ == "__main__":
    main()
