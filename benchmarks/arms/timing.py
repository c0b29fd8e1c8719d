"""What every arm is given and reports."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING

from benchmarks.photos import photos

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WARM_UP = 8
"""Photos embedded before the clock starts: everything is imported then, and the threads are there."""


def run(embed: Callable[[str, list[Path], argparse.Namespace], Callable[[list[Path]], int]]) -> None:
    """Time one way to embed: ``embed`` loads the model and returns what embeds files and counts the vectors."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--precision", default="f32")
    options = parser.parse_args()
    files = photos()[: options.count]
    work = embed(options.model, files, options)
    work(files[:WARM_UP])
    started = time.perf_counter()
    done = work(files)
    seconds = time.perf_counter() - started
    if done != len(files):
        raise RuntimeError(f"{done} images were embedded, not {len(files)}")
    print(json.dumps({"images": done, "seconds": seconds}))
