"""Images embedded in batches of the size that an encoder prefers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lookalike.cores import usable_cores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import StagedEncoder
    from lookalike.images.decode import Pixels


_USUAL_PIXELS = 224 * 224
_MOST = 64


def cpu_batch_size(shape: Sequence[int]) -> int:
    """Return how many inputs a CPU is best given at once: a few for each core, fewer of large ones.

    Parameters
    ----------
    shape : of one input, (channels, height, width).
    """
    cores = usable_cores()
    wanted = 4 * cores * _USUAL_PIXELS // (int(shape[-2]) * int(shape[-1]))
    return min(_MOST, max(cores, wanted))


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
