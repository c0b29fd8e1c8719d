"""How time, bytes and latency grow with the rows of a gallery: ``python -m benchmarks.growth``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.mixtures import METHOD
from benchmarks.results import Column, Curve, Plot, Result, Table, Target, publish

_GIGABYTE = 1e9
_MINUTES, _MEMORY, _MILLISECONDS, _RECALL = 15.0, 6.0, 2.0, 0.95
_METHOD = (
    METHOD
    + """
The rows lie in a file that is mapped. The index `ivfpq` is built over them, and the cheapest parameters are found that
reach a recall@10 of .95 with 500 rows as queries. Another process maps the index and the rows, and answers these
queries singly: half of them have warmed it up, `first` is the other half, `p50` and `p99` are all of them once more.
The files of the index, not the rows, are read ahead before, as `lookalike serve` does.
Where the system allows, that process lives in a control group of 6 GB, in which the pages of mapped files count, and
all files are put out of the page cache before, so that it has to read them itself; `served in` is the most that the
group had, which fills up with pages as long as there is room."""
)


def main() -> None:
    """Measure at each number of rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--folder", help="an existing one, where the rows are written; 10 million take 10 GB")
    asked = parser.parse_args()
    publish(_result([_measured(rows, asked.folder) for rows in asked.rows]))


def _measured(rows: int, place: str | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=place) as folder:
        built = _probe("build", folder, str(rows))
        served = _probe("serve", folder, json.dumps(built["parameters"]))
    return {"rows": rows, **built, **served}


def _probe(*arguments: str) -> Any:
    command = [sys.executable, "-m", "benchmarks.growth_probe", *arguments]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def _result(runs: list[dict[str, Any]]) -> Result:
    columns = [Column("rows", ","), Column("index"), Column("setting"), Column("recall@10", ".3f")]
    columns += [Column("build, s", ".0f"), Column("memory of the build, GB", ".2f"), Column("index, GB", ".2f")]
    columns += [Column("first, ms", ".2f"), Column("p50, ms", ".2f"), Column("p99, ms", ".2f")]
    columns += [Column("queries/s in a batch", ",.0f"), Column("served in, GB", ".2f"), Column("within 6 GB")]
    rows = [
        [
            run["rows"],
            run["factory"],
            ", ".join(f"{name}={value:g}" for name, value in run["parameters"].items()),
            run["recall"],
            run["build_seconds"],
            run["build_anonymous"] / _GIGABYTE,
            run["bytes"] / _GIGABYTE,
            run["p50_first"],
            run["p50"],
            run["p99"],
            run["queries_per_second"],
            run["peak"] / _GIGABYTE,
            "limited" if run["limited"] else "not limited",
        ]
        for run in runs
    ]
    last = runs[-1]
    of = f"at {last['rows']:,} rows"
    targets = [
        Target(f"minutes to build {of}", last["build_seconds"] / 60, _MINUTES, is_floor=False),
        Target(f"memory of the build {of}, GB", last["build_anonymous"] / _GIGABYTE, _MEMORY, is_floor=False),
        Target(f"memory of serving {of}, GB", last["peak"] / _GIGABYTE, _MEMORY, is_floor=False),
        Target(f"p50 of single queries {of}, ms", last["p50_first"], _MILLISECONDS, is_floor=False),
        Target(f"recall@10 {of}", last["recall"], _RECALL, is_floor=True, format=".3f"),
    ]
    table = Table("The index ivfpq", columns, rows)
    return Result("growth", "Growth", _METHOD, [table], targets, [_plot(table)])


def _plot(table: Table) -> Plot:
    """Draw how the columns of a few numbers grow, all as multiples of what they are at the fewest rows."""
    names = ("build, s", "index, GB", "p50, ms", "served in, GB")
    places = {column.name: place for place, column in enumerate(table.columns)}
    counts = [float(row[0]) for row in table.rows]
    curves = [
        Curve(name.partition(",")[0], counts, [row[places[name]] / table.rows[0][places[name]] for row in table.rows])
        for name in names
    ]
    curves.append(Curve("rows", counts, [count / counts[0] for count in counts]))
    what = f"as a multiple of that at {counts[0]:,.0f} rows"
    return Plot("multiples", "How time and bytes grow with the rows", "rows", what, curves, "xy")


if __name__ == "__main__":
    main()
