"""Whether a source of a million rows is indexed in bounded memory: ``python -m benchmarks.million``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import pairwise
from typing import Any

from benchmarks.results import Column, Result, Table, Target, publish

_MEBIBYTE = 1 << 20
_DIM = 64
_STEPS = (1, 4, 16)
_METHOD = f"""\
A source that generates its rows, of which each is another picture of 8x8 pixels, and an encoder of 64 dimensions that
takes no time, so that what is left is the pipeline: listing, reading, digests, decoding, thumbnails, commits and the
search snapshot. Each number of rows is indexed by a process of its own into a new gallery. `peak` is the largest
resident size as the kernel reports it, which counts mapped files as well and so the snapshot, as long as nobody else
needs its pages; `anonymous` is the largest part of it that is no file, and `a further row` what it grows by a row from
one line to the next. The embedding alone has {4 * _DIM} bytes."""


def main() -> None:
    """Index N, 4 N and 16 N rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="16 N")
    most = parser.parse_args().rows
    publish(_result([_measured(most * step // _STEPS[-1]) for step in _STEPS]))


def _measured(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.million_probe", str(count), folder]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    if found["embedded"] != count:
        raise RuntimeError(f"{found['embedded']} rows were indexed, not {count}")
    return {"rows": count, **found}


def _result(runs: list[dict[str, Any]]) -> Result:
    columns = [Column("rows", ","), Column("seconds", ".0f"), Column("rows/s", ",.0f")]
    columns += [Column("peak, MiB", ".0f"), Column("anonymous, MiB", ".0f"), Column("a further row, bytes", ".0f")]
    grown = [
        (after["anonymous"] - before["anonymous"]) / (after["rows"] - before["rows"])
        for before, after in pairwise(runs)
    ]
    rows = [
        [
            run["rows"],
            run["seconds"],
            _rate(run),
            run["peak"] / _MEBIBYTE,
            run["anonymous"] / _MEBIBYTE,
            growth,
        ]
        for run, growth in zip(runs, [None, *grown], strict=True)
    ]
    targets = [
        Target("bytes that a further row takes, of its embedding's", grown[-1] / (4 * _DIM), 0.5, is_floor=False),
        Target(
            f"rows/s of {runs[-1]['rows']:,} rows, of those of {runs[0]['rows']:,}",
            _rate(runs[-1]) / _rate(runs[0]),
            0.9,
            is_floor=True,
        ),
    ]
    return Result("million", "A million rows", _METHOD, [Table("Generated rows", columns, rows)], targets)


def _rate(run: dict[str, Any]) -> float:
    rate: float = run["rows"] / run["seconds"]
    return rate


if __name__ == "__main__":
    main()
