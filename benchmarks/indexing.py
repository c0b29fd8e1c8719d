"""How close indexing comes to the speed of its parts: ``python -m benchmarks.indexing``."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import lookalike
from benchmarks.machine import busy_seconds, cores
from benchmarks.photos import beans, photos
from benchmarks.precisions import encoders_at_hand
from benchmarks.results import Column, Result, Table, Target, publish
from lookalike.building.build import BuildOptions
from lookalike.encoders.staging import batch_size, batches_at_once, decode_for, encode_prepared, prepare
from lookalike.images.digest import content_digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.encoders.base import Encoder

_Run = tuple[float, float, float, float]
"""Images a second decoded, embedded and indexed, and how busy the cores were while they were indexed."""
_SHARE = 0.92
_WITH_TARGET = ("f32", "bf16")
_METHOD = """\
All Beans photos (500x500 JPEG, in the page cache). `decode` reads, digests, decodes and preprocesses every file in as
many threads as there are cores; `infer` embeds as many prepared images in batches, as many of them at once as the
encoder is quickest with. Each by itself has the whole machine, so a run that leaves no core idle in either comes at
most to the bound 1 / (1/decode + 1/infer). `indexed` is `Gallery.add` into a new gallery, from the listing of the
folder to the last commit and the search snapshot, with the encoder loaded before. Rates are images per second, medians
of runs. In each run both parts are timed before and after the whole, as the speed of a machine changes meanwhile, and
the share of the bound is taken of their means. `busy` is the share of the time of all cores that indexing used: the
rest of the way to the bound is work beside the two parts, and that they take longer side by side. `others` is how many
cores worked for other programs: unless it is near 0, they came and went between the parts, and shares say little."""


def main() -> None:
    """Measure in every precision and compare with the bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    files = photos()
    runs: dict[str, list[_Run]] = {}
    encoders = encoders_at_hand()
    for encoder in encoders.values():
        _decode(encoder, files[:64])  # everything is imported and the threads of the runtime are there
        _infer(encoder, files[:64])
    others: dict[str, list[float | None]] = {}
    for _ in range(repeats):
        for precision, encoder in encoders.items():
            load = _OtherLoad()
            before = _decode(encoder, files), _infer(encoder, files)
            indexed, busy = _index(encoder, len(files))
            after = _infer(encoder, files), _decode(encoder, files)
            decode, infer = (statistics.harmonic_mean(rates) for rates in zip(before, reversed(after), strict=True))
            runs.setdefault(precision, []).append((decode, infer, indexed, busy))
            others.setdefault(precision, []).append(load.cores())
    publish(_result(runs, others, len(files)))


class _OtherLoad:
    """How many cores have worked for other programs since it was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._busy = busy_seconds()
        self._own = time.process_time()

    def cores(self) -> float | None:
        now = busy_seconds()
        if self._busy is None or now is None:
            return None
        own = time.process_time() - self._own
        return max(0.0, (now - self._busy - own) / (time.perf_counter() - self._started))


def _prepared(encoder: Encoder, path: Path) -> npt.NDArray[Any]:
    data = path.read_bytes()
    content_digest(data)
    return prepare(encoder, decode_for(encoder, data).pixels)


def _decode(encoder: Encoder, files: list[Path]) -> float:
    def run() -> None:
        with ThreadPoolExecutor(cores()) as pool:
            for _ in pool.map(lambda path: _prepared(encoder, path), files):
                pass

    return len(files) / _seconds(run)


def _infer(encoder: Encoder, files: list[Path]) -> float:
    size = batch_size(encoder)
    ready = [_prepared(encoder, path) for path in files[: 8 * size]]
    batches = [ready[start : start + size] for start in range(0, len(ready), size)]
    count = max(1, len(files) // size)

    def run() -> None:
        with ThreadPoolExecutor(batches_at_once(encoder)) as pool:
            for _ in pool.map(lambda number: encode_prepared(encoder, batches[number % len(batches)]), range(count)):
                pass

    return count * size / _seconds(run)


def _index(encoder: Encoder, expected: int) -> tuple[float, float]:
    """Return images a second, and the share of the time of all cores that was used."""
    with tempfile.TemporaryDirectory() as folder:
        gallery = lookalike.open(folder, encoder=encoder)

        def run() -> None:
            report = gallery.add(beans(), BuildOptions(workers=cores()))
            if report.embedded != expected:
                raise RuntimeError(f"{report.embedded} images were embedded, not {expected}")

        used = time.process_time()
        seconds = _seconds(run)
        return expected / seconds, (time.process_time() - used) / (seconds * cores())


def _seconds(run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _result(runs: dict[str, list[_Run]], others: dict[str, list[float | None]], count: int) -> Result:
    rows, targets = [], []
    for precision, found in runs.items():
        bounds = [1 / (1 / decode + 1 / infer) for decode, infer, _, _ in found]
        shares = [indexed / bound for (_, _, indexed, _), bound in zip(found, bounds, strict=True)]
        decode, infer, indexed, busy = (statistics.median(values) for values in zip(*found, strict=True))
        share = statistics.median(shares)
        known = [load for load in others[precision] if load is not None]
        spread = [share, min(shares), max(shares), busy, statistics.median(known) if known else None]
        rows.append([precision, decode, infer, statistics.median(bounds), indexed, *spread])
        if precision in _WITH_TARGET:
            targets.append(Target(f"share of the bound in {precision}", share, _SHARE, is_floor=True))
    rates = [Column(name, ".0f") for name in ("decode", "infer", "bound", "indexed")]
    shares_of = [Column(name, ".2f") for name in ("indexed / bound", "lowest", "highest", "busy", "others")]
    repeats = len(next(iter(runs.values())))
    title = f"Images per second, {count:,} photos, medians of {repeats} runs"
    table = Table(title, [Column("precision"), *rates, *shares_of], rows)
    return Result("indexing", "Indexing speed", _METHOD, [table], targets)


if __name__ == "__main__":
    main()
