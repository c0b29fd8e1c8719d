"""A picture together with crops of it, as one embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lookalike.arrays import normalised
from lookalike.encoders.staging import encode_prepared, prepare
from lookalike.images.decode import DEFAULT_LIMITS, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import Encoder
    from lookalike.images.decode import Limits, Pixels

_SHARE = 0.75
_CORNERS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5))
"""Where a crop lies: down and to the right, of the room that it leaves."""


def embed_crops(encoder: Encoder, picture: bytes | Pixels, limits: Limits = DEFAULT_LIMITS) -> Vectors:
    """Return the mean embedding of a picture and of crops of it; shape (1, dim), float32.

    The crops are three quarters as wide and high, from the corners and the middle (as in the ten-crop evaluation of
    Krizhevsky, Sutskever and Hinton, NIPS 2012, without the mirror images). Each embedding has the same length.

    Parameters
    ----------
    encoder : which made the gallery.
    picture : an encoded image, or pixels of shape (height, width, 3), uint8.
    limits : larger images are refused.

    Raises
    ------
    ImageDecodeError : if the bytes are no readable picture.
    """
    pixels = decode(picture, limits=limits).pixels if isinstance(picture, bytes) else picture
    views = [prepare(encoder, view) for view in (pixels, *_crops(pixels))]
    embeddings = np.concatenate([encode_prepared(encoder, [view]) for view in views])
    return np.asarray(normalised(embeddings).mean(axis=0, keepdims=True))


def _crops(pixels: Pixels) -> Iterator[Pixels]:
    height, width = (max(1, int(side * _SHARE)) for side in pixels.shape[:2])
    for down, right in _CORNERS:
        top = int(down * (pixels.shape[0] - height))
        left = int(right * (pixels.shape[1] - width))
        yield np.ascontiguousarray(pixels[top : top + height, left : left + width])
