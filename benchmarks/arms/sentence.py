"""``SentenceTransformer.encode`` over the photos, opened by Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from PIL import Image

from benchmarks.arms import torchvision_ops  # noqa: F401  (before what imports torchvision)
from benchmarks.arms.timing import run

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path


def embed(model_folder: str, _: list[Path], options: argparse.Namespace) -> Callable[[list[Path]], int]:
    """Return what embeds files."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    if options.threads:
        torch.set_num_threads(options.threads)
    transformer = Transformer(model_folder)
    pooling = Pooling(transformer.get_embedding_dimension(), "cls")
    model = SentenceTransformer(modules=[transformer, pooling], device="cpu")

    def work(files: list[Path]) -> int:
        images = [Image.open(file).convert("RGB") for file in files]
        return len(model.encode(images, batch_size=24, show_progress_bar=False))

    return work


if __name__ == "__main__":
    run(embed)
