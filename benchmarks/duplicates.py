"""How time and memory of looking for duplicates grow: ``python -m benchmarks.duplicates``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

import lookalike
from benchmarks.memory_probe import Sampler
from benchmarks.mixtures import mixture
from benchmarks.results import Column, Result, Table, Target, publish

_COPIES = 0.05
_NOISE = 0.1
_GROWTH = 1.5
_METHOD = """\
Embeddings as those of the benchmark of indexes, 256 dimensions; one in twenty is a near copy of another row, with noise
of a tenth of its length, which leaves a cosine of about 0.995. `lookalike.Gallery.duplicates` looks for them in a
process of its own, and the copies that it names are counted. Memory is the largest part of the process that is no
mapped file. Growth is the time of four times as many rows, divided by four: 1 is linear."""


def main() -> None:
    """Look for duplicates among more and more rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[25_000, 100_000, 400_000])
    parser.add_argument("--probe", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.probe is not None:
        print(json.dumps(_probe(options.probe)))
        return
    publish(_result([_measured(rows) for rows in options.rows]))


def _measured(rows: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    vectors = mixture(rows)
    copied = rng.choice(rows // 2, round(rows * _COPIES), replace=False)
    noise = rng.normal(size=(len(copied), vectors.shape[1])).astype(np.float32)
    noise *= (
        _NOISE * np.linalg.norm(vectors[copied], axis=1, keepdims=True) / np.linalg.norm(noise, axis=1, keepdims=True)
    )
    vectors[rows - len(copied) :] = vectors[copied] + noise
    with tempfile.TemporaryDirectory() as folder:
        lookalike.open(folder).add_embeddings([f"{number:09}" for number in range(rows)], vectors)
        command = [sys.executable, "-m", "benchmarks.duplicates", "--probe", folder]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    pairs = {frozenset(pair) for pair in found.pop("pairs")}
    planted = [frozenset((f"{one:09}", f"{rows - len(copied) + at:09}")) for at, one in enumerate(copied)]
    return {**found, "rows": rows, "recall": float(np.mean([pair in pairs for pair in planted]))}


def _probe(folder: str) -> dict[str, Any]:
    gallery = lookalike.open(folder)
    with Sampler() as sampler:
        started = time.perf_counter()
        found = gallery.duplicates()
        seconds = time.perf_counter() - started
    pairs = [[item.item.id, item.of] for group in found.groups for item in group.items]
    return {"seconds": seconds, "memory": sampler.found()["anonymous"], "pairs": pairs, "groups": len(found.groups)}


def _result(runs: list[dict[str, Any]]) -> Result:
    columns = [Column("rows", ","), Column("seconds", ".1f"), Column("growth", ".2f"), Column("memory, MiB", ",.0f")]
    columns += [Column("groups", ","), Column("planted copies found", ".4f")]
    rows, growths = [], []
    for before, run in zip([None, *runs], runs, strict=False):
        growth = None
        if before is not None:
            growth = (run["seconds"] / before["seconds"]) / (run["rows"] / before["rows"])
            growths.append(growth)
        rows.append([run["rows"], run["seconds"], growth, run["memory"] / (1 << 20), run["groups"], run["recall"]])
    targets = [Target("time, growth against linear", max(growths, default=None), _GROWTH, is_floor=False)]
    targets.append(Target("planted copies found", min(run["recall"] for run in runs), 0.99, is_floor=True))
    return Result("duplicates", "Looking for duplicates", _METHOD, [Table("Embeddings", columns, rows)], targets)


if __name__ == "__main__":
    main()
