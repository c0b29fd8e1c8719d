"""Images embedded in batches of the size that an encoder prefers."""

from __future__ import annotations

import math
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
_USUAL_ON_GPU, _MOST_ON_GPU = 128, 512


def cpu_batch_size(shape: Sequence[int]) -> int:
    """Return how many inputs a CPU is best given at once: a few for each core, fewer of large ones.

    Parameters
    ----------
    shape : of one input, (3, height, width), or other axes with as many numbers.
    """
    cores = usable_cores()
    return min(_MOST, max(cores, 4 * cores * _USUAL_PIXELS // _pixels(shape)))


def gpu_batch_size(shape: Sequence[int]) -> int:
    """Return how many inputs a GPU is given at once to begin with: fewer of large ones.

    Parameters
    ----------
    shape : see :func:`cpu_batch_size`.
    """
    return min(_MOST_ON_GPU, max(1, _USUAL_ON_GPU * _USUAL_PIXELS // _pixels(shape)))


def _pixels(shape: Sequence[int]) -> int:
    return max(1, math.prod(shape) // 3)


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
