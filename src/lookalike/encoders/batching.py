"""Images embedded in batches of the size that an encoder prefers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import StagedEncoder
    from lookalike.images.decode import Pixels


_PIXELS_AT_ONCE = {"cpu": 8 * 224 * 224, "gpu": 128 * 224 * 224}


def batch_size(shape: Sequence[int], device: str = "cpu") -> int:
    """Return how many inputs a model is best given at once.

    Parameters
    ----------
    shape : of one input, (channels, height, width).
    device : ``cpu``, or a GPU by any other name.
    """
    pixels = int(shape[-2]) * int(shape[-1])
    return max(1, min(256, _PIXELS_AT_ONCE["cpu" if device == "cpu" else "gpu"] // pixels))


def encode_staged(encoder: StagedEncoder, images: Sequence[Pixels]) -> Vectors:
    """Prepare and embed images, one batch after another.

    Parameters
    ----------
    encoder : whose ``prepare`` and ``encode_prepared`` are used.
    images : each of shape (height, width, 3), uint8, RGB; sizes may differ.

    Returns
    -------
    Shape (len(images), encoder.spec.dim), float32.
    """
    vectors = np.empty((len(images), encoder.spec.dim), np.float32)
    for start in range(0, len(images), encoder.batch_size):
        batch = np.stack([encoder.prepare(image) for image in images[start : start + encoder.batch_size]])
        vectors[start : start + len(batch)] = encoder.encode_prepared(batch)
    return vectors
