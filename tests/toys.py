"""Small pictures, and an encoder that is quick, exact, and counts what it is asked for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lookalike.encoders.base import EncoderSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lookalike.arrays import Vectors
    from lookalike.images.decode import Pixels


@dataclass
class ToyEncoder:
    """Embeds an image as the means of its four quarters in each colour, less a constant."""

    weights: str = "00"
    """Two of other weights embed into other spaces, though these are the same."""
    seconds_per_image: float = 0.0
    images: int = field(default=0, init=False)
    """How many it has embedded."""

    @property
    def spec(self) -> EncoderSpec:
        return EncoderSpec("toy", "1", self.weights, "average", "none", "f32", 12)

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        self.images += len(images)
        time.sleep(self.seconds_per_image * len(images))
        return np.stack([toy_embedding(image) for image in images])


def toy_embedding(pixels: Pixels) -> Vectors:
    """Return what :class:`ToyEncoder` makes of one image; shape (12,), float32."""
    rows, columns = (max(1, side // 2) for side in pixels.shape[:2])
    quarters = [
        pixels[top, left]
        for top in (slice(rows), slice(-rows, None))
        for left in (slice(columns), slice(-columns, None))
    ]
    return np.concatenate([quarter.reshape(-1, 3).mean(axis=0) - 100 for quarter in quarters]).astype(np.float32)


def pixels_of(seed: int, side: int = 8) -> Pixels:
    """Return noise that no other seed gives; shape (side, side, 3), uint8."""
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def png(seed: int, side: int = 8) -> bytes:
    """Return a PNG file of :func:`pixels_of`."""
    buffer = BytesIO()
    Image.fromarray(pixels_of(seed, side)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def plant(folder: Path, seeds: Sequence[int]) -> None:
    """Write ``0003.png`` and so on into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (folder / f"{seed:04d}.png").write_bytes(png(seed))


def refuse() -> ToyEncoder:
    """Stand for an encoder that nobody should need."""
    msg = "the encoder was loaded, though there was nothing to embed"
    raise AssertionError(msg)
