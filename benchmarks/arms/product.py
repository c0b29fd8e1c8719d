"""This project's way: ``Gallery.add`` of the files into a new gallery."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import lookalike
from benchmarks.arms.timing import run

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path


def embed(model_folder: str, _: list[Path], options: argparse.Namespace) -> Callable[[list[Path]], int]:
    """Return what embeds files."""
    encoder = lookalike.load_encoder(model_folder, precision=options.precision)

    def work(files: list[Path]) -> int:
        with tempfile.TemporaryDirectory() as folder:
            return lookalike.open(folder, encoder=encoder).add(files).embedded

    return work


if __name__ == "__main__":
    run(embed)
