"""This project's way: ``Gallery.add`` of the files into a new gallery."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import lookalike
from benchmarks.arms.timing import run
from benchmarks.photos import photos
from lookalike.images.decode import decode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lookalike.images.decode import Pixels

_CALIBRATED_ON = 128


def embed(model_folder: str, _: list[Path], options: argparse.Namespace) -> Callable[[list[Path]], int]:
    """Return what embeds files."""
    encoder = lookalike.load_encoder(model_folder, precision=options.precision, calibration=_calibration)

    def work(files: list[Path]) -> int:
        with tempfile.TemporaryDirectory() as folder:
            return lookalike.open(folder, encoder=encoder).add(files).embedded

    return work


def _calibration() -> Iterator[Pixels]:
    return (decode(file.read_bytes()).pixels for file in photos()[:_CALIBRATED_ON])


if __name__ == "__main__":
    run(embed)
