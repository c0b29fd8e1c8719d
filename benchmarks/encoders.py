"""ViT-B/16 end to end from JPEG files, against what one would write by hand: ``python -m benchmarks.encoders``."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.machine import cores
from benchmarks.results import Column, Result, Table, Target, publish

_TARGETS = {"lookalike, bf16": 2.2, "lookalike, int8": 3.8}
_NOTEBOOK = "notebook"
_METHOD = """\
ViT-B/16 at 224 pixels with random weights (they take as long as trained ones), over Beans photos (500x500 JPEG, in the
page cache), from the files to the embeddings, with the model loaded before. `lookalike` is `Gallery.add` into a new
gallery. `notebook` is `Dataset.map(batched=True)` over a chain of transforms with PyTorch in float32, at its faster
number of threads. `sentence-transformers` is `encode` over pictures opened by Pillow; `timm` a model of the same
architecture fed by a `DataLoader` with a worker for each core. Each is timed in a process of its own, in turn; rates
are medians, and the ratio to `notebook` is taken within each round. A dash: it could not be measured, most often for
want of a library."""


def main() -> None:
    """Time each way in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=96, help="photos")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", default=sys.executable, help="a Python that has sentence-transformers and timm")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _save_model(folder)
        arms = _arms(options.peers)
        rates: dict[str, list[float | None]] = {name: [] for name in arms}
        for _ in range(options.repeats):
            for name, command in arms.items():
                rates[name].append(_rate([*command, folder, "--count", str(options.count)], name))
    publish(_result(rates, options.count))


def _save_model(folder: str) -> None:
    import transformers

    transformers.ViTModel(transformers.ViTConfig()).save_pretrained(folder)
    transformers.ViTImageProcessor().save_pretrained(folder)


def _arms(peers: str) -> dict[str, list[str]]:
    here = [sys.executable, "-W", "ignore", "-m"]
    there = [peers, "-W", "ignore", "-m"]
    own = {
        f"lookalike, {precision}": [*here, "benchmarks.arms.product", "--precision", precision]
        for precision in ("f32", "bf16", "int8")
    }
    threads = sorted({1, cores()})
    notebooks = {
        f"{_NOTEBOOK}, threads: {n}": [*here, "benchmarks.arms.notebook", "--threads", str(n)] for n in threads
    }
    others = {
        "sentence-transformers": [*there, "benchmarks.arms.sentence"],
        "timm and DataLoader": [*there, "benchmarks.arms.timm_loop"],
    }
    return notebooks | own | others


def _rate(command: list[str], name: str) -> float | None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"{name} was not measured: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return float(found["images"] / found["seconds"])


def _result(rates: dict[str, list[float | None]], count: int) -> Result:
    notebooks = [_known(found) for name, found in rates.items() if name.startswith(_NOTEBOOK)]
    seed = [max(found) for found in zip(*filter(None, notebooks), strict=True)]
    rows: list[list[Any]] = []
    targets = []
    for name, found in rates.items():
        measured = _known(found)
        # without a notebook that was measured there is nothing to compare with
        ratios = [rate / base for rate, base in zip(measured, seed, strict=True)] if measured and seed else []
        ratio = statistics.median(ratios) if ratios else None
        spread = [min(ratios), max(ratios)] if ratios else [None, None]
        rows.append([name, statistics.median(measured) if measured else None, ratio, *spread])
        if name in _TARGETS:
            targets.append(Target(f"{name}, times the notebook's rate", ratio, _TARGETS[name], is_floor=True))
    columns = [Column("way"), Column("images/s", ".1f"), *[Column(n, ".2f") for n in ("ratio", "lowest", "highest")]]
    table = Table(
        f"Images per second, {count:,} photos, medians of {max(map(len, rates.values()))} rounds", columns, rows
    )
    return Result("encoders", "ViT-B/16 from files to embeddings", _METHOD, [table], targets)


def _known(rates: list[float | None]) -> list[float]:
    """Return the rates if all were measured, else none."""
    return [rate for rate in rates if rate is not None] if None not in rates else []


if __name__ == "__main__":
    main()
