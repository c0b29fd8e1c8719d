"""Indexes side by side, and exact search against its bounds: ``python -m benchmarks.indexes``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import lance
import numpy as np
import pyarrow as pa

from benchmarks.mixtures import METHOD, mixture
from benchmarks.results import Column, Curve, Plot, Result, Table, Target, publish
from lookalike.evaluation.ann import IndexBenchmark, best_of_each
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.lance_rows import LanceRows
from lookalike.indexes.recall import seconds_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lookalike.evaluation.ann import Measured
    from lookalike.indexes.recall import Search

_RECALLS = (0.95, 0.99)
_OURS = ("ivfpq", "hnsw")
_OTHERS = ("scann", "lance", "hnswlib", "usearch")
_FULL_SCANS = ("exact", "sq8", "lsh")
_MOST_TO_SCAN = 200_000
_LEAST_DRAWN = 0.5
_ROUNDS, _BATCHES = 9, 5
_METHOD = (
    METHOD
    + """
Queries are 500 of the rows, each left out of its own answer; recall@10 is counted as in ann-benchmarks. Each index is
built once with its defaults and searched with more and more effort, graphs in smaller steps; the tables show the
fastest setting that reaches the recall, or, with a smaller recall in its column, the best that it came to. Every
search, of others' indexes too, is made in batches of 500 and singly with all cores. Then the best setting of ours and
the best of the others take turns, nine times (medians; of a batch the best of five), which the targets are about;
where no other reaches a recall, there is none to compare with. `hnswlib` (M 16, efConstruction 200) and `usearch`
(f16, the same) are other libraries, `lance` is the table's own index (IVF_RQ). The GEMM is the product of queries and
rows by NumPy, which exact search consists of; its single query reads all rows once, as does a matrix-vector product."""
)


def main() -> None:
    """Measure at some numbers of rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    tables: list[Table] = []
    targets: list[Target] = []
    plots: list[Plot] = []
    for rows in parser.parse_args().rows:
        vectors = mixture(rows)
        with tempfile.TemporaryDirectory() as folder:
            table = _in_a_table(vectors, folder)
            searches: dict[Any, Search] = {}
            benchmark = IndexBenchmark(vectors, report=_say, table=partial(_the, table), searches=searches)
            found = list(benchmark.run([*_OURS, *_OTHERS, *(_FULL_SCANS if rows <= _MOST_TO_SCAN else ())]))
            duels = [duel for recall in _RECALLS for duel in _duels(found, recall, searches, vectors)]
        more = _result(found, duels, _bounds(vectors), rows)
        tables += more[0]
        targets += more[1]
        plots += _plots(found, rows)
    publish(Result("indexes", "Indexes", _METHOD, tables, targets, plots))


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _the(table: LanceRows) -> Any:
    return table


def _in_a_table(vectors: Any, folder: str) -> LanceRows:
    column = pa.FixedSizeListArray.from_arrays(vectors.reshape(-1), vectors.shape[1])
    dataset = lance.write_dataset(pa.table({"embedding": column}), folder, mode="overwrite", enable_stable_row_ids=True)
    return LanceRows(dataset, "embedding", np.arange(len(vectors), dtype=np.uint64))


def _bounds(vectors: Any) -> dict[str, tuple[float, float]]:
    """Return seconds of exact search and of what it consists of, for a batch of 500 queries and for one."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    index, queries = ExactIndex(vectors), unit[:500].copy()

    def product() -> None:
        for start in range(0, len(unit), 8_192):
            queries @ unit[start : start + 8_192].T

    return {
        "batch of 500": (_best(lambda: index.search(queries, 10)), _best(product)),
        "one query": (_best(lambda: index.search(queries[:1], 10)), _best(lambda: unit @ queries[0])),
    }


def _best(run: Callable[[], Any], repeats: int = 5) -> float:
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _duels(
    found: list[Measured], recall: float, searches: dict[Any, Search], vectors: Any
) -> Iterator[tuple[float, str, Measured, Measured, float, float]]:
    """Yield recall, what, our best and theirs, and the seconds a query of both, measured one after the other.

    The tables' figures are minutes apart, in which the speed of a machine may change by more than indexes differ.
    """
    reaching = [row for row in best_of_each(found, recall) if row.recall >= recall]
    ours = [row for row in reaching if row.index in _OURS]
    others = [row for row in reaching if row.index in _OTHERS]
    if not ours or not others:
        return
    queries = np.ascontiguousarray(vectors[np.random.default_rng(0).choice(len(vectors), 500, replace=False)])

    def batch(row: Measured) -> float:
        return _best(partial(searches[row.index, tuple(row.params.items())], queries, 10), _BATCHES) / len(queries)

    def single(row: Measured) -> float:
        return float(np.median(seconds_each(searches[row.index, tuple(row.params.items())], queries, 10)))

    for what, measure, speed in (
        ("batch", batch, lambda row: -row.queries_per_second),
        ("single", single, lambda row: row.p50),
    ):
        pair = [min(side, key=speed) for side in (ours, others)]
        seconds = [[measure(row) for row in pair] for _ in range(_ROUNDS)]
        yield (recall, what, *pair, *np.median(seconds, axis=0).tolist())


def _result(
    found: list[Measured], duels: list[Any], bounds: dict[str, tuple[float, float]], rows: int
) -> tuple[list[Table], list[Target]]:
    columns = [Column("index"), Column("setting"), Column("recall@10", ".3f"), Column("queries/s in a batch", ",.0f")]
    columns += [Column("p50, ms", ".2f"), Column("p99, ms", ".2f"), Column("build, s", ".1f"), Column("MB", ",.0f")]
    tables: list[Table] = []
    targets: list[Target] = []
    for recall in _RECALLS:
        best = sorted(best_of_each(found, recall), key=lambda row: -row.queries_per_second)
        tables.append(Table(f"Recall@10 of at least {recall}, {rows:,} rows", columns, [_cells(row) for row in best]))
    for recall, what, mine, theirs, seconds, their_seconds in duels:
        names = f"recall {recall}, {rows:,} rows, {mine.index} to {theirs.index}"
        if what == "single":
            ratio = seconds / their_seconds
            targets.append(Target(f"time of single queries at {names}", ratio, 1.0, is_floor=False))
            continue
        targets.append(Target(f"batch speed at {names}", their_seconds / seconds, 1.0, is_floor=True))
        others = [row for row in best_of_each(found, recall) if row.index in _OTHERS and row.recall >= recall]
        soonest = min(others, key=lambda row: row.build_seconds)
        what = f"time to build, {rows:,} rows, {mine.index} of recall {recall} to {soonest.index}"
        targets.append(Target(what, mine.build_seconds / soonest.build_seconds, 1.0, is_floor=False))
    heads = [Column("recall@10"), Column("asked"), Column("ours"), Column("us a query", ".1f")]
    heads += [Column("theirs"), Column("us a query", ".1f"), Column("ours to theirs", ".2f")]
    cells = [[d[0], d[1], d[2].index, 1e6 * d[4], d[3].index, 1e6 * d[5], d[4] / d[5]] for d in duels]
    tables.append(Table(f"The best of ours and of others', in turns, {rows:,} rows", heads, cells))
    rows_of_bounds = [[name, 1e3 * exact, 1e3 * bound, exact / bound] for name, (exact, bound) in bounds.items()]
    heads = [Column("exact search"), Column("ms", ".1f"), Column("product alone, ms", ".1f"), Column("ratio", ".2f")]
    tables.append(Table(f"Exact search and its bounds, {rows:,} rows", heads, rows_of_bounds))
    targets += [
        Target(f"exact, {rows:,} rows, {name}, to the product", exact / bound, 1.15, is_floor=False)
        for name, (exact, bound) in bounds.items()
    ]
    return tables, targets


def _plots(found: list[Measured], rows: int) -> list[Plot]:
    def plot(name: str, what: str, speed: Callable[[Measured], float]) -> Plot:
        curves = []
        for index in dict.fromkeys(row.index for row in found):
            best = _envelope([(row.recall, speed(row)) for row in found if row.index == index])
            curves.append(Curve(index, [recall for recall, _ in best], [value for _, value in best]))
        title = f"{rows:,} rows, {what}: up and to the right is better"
        return Plot(f"{name}-{rows}", title, "recall@10", "queries per second", curves)

    return [
        plot("batch", "batches of 500 queries", lambda row: row.queries_per_second),
        plot("single", "one query after the other", lambda row: 1e3 / row.p50),
    ]


def _envelope(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points that no other is better than in both, by ascending recall, from that of half on."""
    kept: list[tuple[float, float]] = []
    for recall, speed in sorted(points, reverse=True):
        if recall >= _LEAST_DRAWN and (not kept or speed > kept[-1][1]):
            kept.append((recall, speed))
    return kept[::-1]


def _cells(row: Measured) -> list[Any]:
    setting = ", ".join(f"{name}={value:g}" for name, value in row.params.items())
    return [
        row.index,
        setting,
        row.recall,
        row.queries_per_second,
        row.p50,
        row.p99,
        row.build_seconds,
        row.nbytes / 1e6,
    ]


if __name__ == "__main__":
    main()
