"""Pixels made small, and encoded for a page."""

from __future__ import annotations

import base64
import io
import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.images.decode import Pixels


def fitted(pixels: Pixels, width: int, height: int) -> Image.Image:
    """Return the whole picture scaled into a box, its proportions kept.

    Parameters
    ----------
    pixels : shape (h, w, 3), uint8, RGB; not modified.
    width, height : of the box, in pixels, at least 1. A small picture is enlarged at most twice.
    """
    rows, cols = pixels.shape[:2]
    scale = min(width / cols, height / rows, 2.0)
    size = max(1, round(cols * scale)), max(1, round(rows * scale))
    return Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.LANCZOS)


def mosaic(pictures: Sequence[Pixels], side: int) -> Pixels:
    """Return pictures side by side in a square; one alone is returned as it is.

    Parameters
    ----------
    pictures : at least one, each of shape (h, w, 3), uint8, RGB; not modified.
    side : of the square, in pixels.

    Returns
    -------
    Shape (side, side, 3), uint8, white where there is no picture.
    """
    if len(pictures) == 1:
        return pictures[0]
    across = math.ceil(math.sqrt(len(pictures)))
    step = side // across
    square = Image.new("RGB", (side, side), "#ffffff")
    for place, pixels in enumerate(pictures):
        row, column = divmod(place, across)
        small = fitted(pixels, step, step)
        inset = (step - small.width) // 2, (step - small.height) // 2
        square.paste(small, (column * step + inset[0], row * step + inset[1]))
    return np.asarray(square)


def jpeg_uri(pixels: Pixels, side: int) -> str:
    """Return a ``data:`` URI of the picture as a JPEG file whose longer side has at most ``side`` pixels."""
    rows, cols = pixels.shape[:2]
    buffer = io.BytesIO()
    fitted(pixels, min(side, cols), min(side, rows)).save(buffer, "JPEG", quality=85, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
