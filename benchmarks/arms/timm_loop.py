"""A timm model of the same architecture, fed by a ``DataLoader`` with a worker for each core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from benchmarks.arms import torchvision_ops  # noqa: F401  (before what imports torchvision)
from benchmarks.arms.timing import run
from benchmarks.machine import cores

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path


class _Photos(torch.utils.data.Dataset):
    def __init__(self, files: list[Path], transform: Any) -> None:
        self._files = files
        self._transform = transform

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, at: int) -> torch.Tensor:
        return self._transform(Image.open(self._files[at]).convert("RGB"))


def embed(_model_folder: str, _: list[Path], options: argparse.Namespace) -> Callable[[list[Path]], int]:
    """Return what embeds files; the weights are random, which takes as long as trained ones."""
    import timm
    from timm.data import create_transform, resolve_data_config

    if options.threads:
        torch.set_num_threads(options.threads)
    model = timm.create_model("vit_base_patch16_224", num_classes=0).eval()
    transform = create_transform(**resolve_data_config({}, model=model))

    def work(files: list[Path]) -> int:
        loader = torch.utils.data.DataLoader(_Photos(files, transform), batch_size=24, num_workers=cores())
        with torch.inference_mode():
            return sum(len(model(batch)) for batch in loader)

    return work


if __name__ == "__main__":
    run(embed)
