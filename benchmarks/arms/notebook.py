"""The way of a notebook: ``Dataset.map(batched=True)`` over transforms, PyTorch in float32, and the CLS token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import datasets
import numpy as np
import torch
import transformers
from PIL import Image

from benchmarks.arms.timing import run

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

_SIDE = 224
_BATCH = 24


def embed(model_folder: str, _: list[Path], options: argparse.Namespace) -> Callable[[list[Path]], int]:
    """Return what embeds files."""
    if options.threads:
        torch.set_num_threads(options.threads)
    datasets.disable_progress_bars()
    datasets.disable_caching()
    model = transformers.AutoModel.from_pretrained(model_folder).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(model_folder)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (processor.image_mean, processor.image_std))

    def transformed(image: Image.Image) -> torch.Tensor:
        short = int(256 / 224 * _SIDE)
        scale = short / min(image.size)
        resized = image.resize([round(side * scale) for side in image.size], Image.Resampling.BILINEAR)
        left, top = ((side - _SIDE) // 2 for side in resized.size)
        pixels = np.array(resized.crop((left, top, left + _SIDE, top + _SIDE)))
        return (torch.from_numpy(pixels).permute(2, 0, 1).float() / 255 - mean) / std

    def extract_embeddings(batch: dict) -> dict:
        images = torch.stack([transformed(image.convert("RGB")) for image in batch["image"]])
        with torch.no_grad():
            return {"embeddings": model(pixel_values=images).last_hidden_state[:, 0].numpy()}

    def work(files: list[Path]) -> int:
        rows = datasets.Dataset.from_dict(
            {"image": [str(file) for file in files]}, features=datasets.Features({"image": datasets.Image()})
        )
        return len(rows.map(extract_embeddings, batched=True, batch_size=_BATCH, remove_columns=["image"]))

    return work


if __name__ == "__main__":
    run(embed)
