"""Whether the memory of indexing grows with the number of images: ``python -m benchmarks.memory``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.photos import photos, with_comment
from benchmarks.results import Column, Result, Table, Target, publish

_MEBIBYTE = 1 << 20
_GROWTH = 1.1
_STEPS = (1, 4, 16)
_METHOD = """\
Beans photos, each copied with a different comment in the file so that no two have equal bytes and all are embedded;
each number of images is indexed by a process of its own, into a new gallery. `peak` is the largest resident size as
the kernel reports it, which counts mapped files (libraries) as well; `anonymous` is the largest part of it that is no
file, sampled every 10 ms. The bytes an image are the growth from the row before."""


def main() -> None:
    """Index N, 4 N and 16 N images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=250, help="N")
    smallest = parser.parse_args().images
    runs = []
    for step in _STEPS:
        with tempfile.TemporaryDirectory() as folder:
            runs.append(_measured(smallest * step, Path(folder)))
    publish(_result(runs))


def _measured(count: int, folder: Path) -> dict[str, int]:
    source = folder / "images"
    source.mkdir()
    originals = [path.read_bytes() for path in photos()]
    for number in range(count):
        copy = with_comment(originals[number % len(originals)], b"copy %d" % number)
        (source / f"{number:06}.jpg").write_bytes(copy)
    command = [sys.executable, "-m", "benchmarks.memory_probe", str(source), str(folder / "gallery")]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    if found["embedded"] != count:
        raise RuntimeError(f"{found['embedded']} images were embedded, not {count}")
    return {"images": count, "peak": found["peak"], "anonymous": found["anonymous"]}


def _result(runs: list[dict[str, int]]) -> Result:
    rows: list[list[Any]] = []
    before: dict[str, int] | None = None
    for run in runs:
        slopes: list[float | None] = [None, None]
        if before is not None:
            more = run["images"] - before["images"]
            slopes = [(run[name] - before[name]) / more for name in ("peak", "anonymous")]
        sizes = [run[name] / _MEBIBYTE for name in ("peak", "anonymous")]
        ratios = [run[name] / runs[0][name] for name in ("peak", "anonymous")]
        rows.append([run["images"], sizes[0], ratios[0], slopes[0], sizes[1], ratios[1], slopes[1]])
        before = run
    kinds = ("peak", "anonymous")
    columns = [Column("images", ",")]
    for kind in kinds:
        columns += [
            Column(f"{kind}, MiB", ".0f"),
            Column("ratio to the first", ".2f"),
            Column("bytes an image", ",.0f"),
        ]
    target = Target(
        f"peak at {_STEPS[-1]} times as many images, ratio", runs[-1]["peak"] / runs[0]["peak"], _GROWTH, is_floor=False
    )
    return Result("memory", "Memory while indexing", _METHOD, [Table("Largest resident size", columns, rows)], [target])


if __name__ == "__main__":
    main()
