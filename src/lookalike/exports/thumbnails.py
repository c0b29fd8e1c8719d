"""Pixels made small, and encoded for a page."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
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


def jpeg_uri(pixels: Pixels, side: int) -> str:
    """Return a ``data:`` URI of the picture as a JPEG file whose longer side has at most ``side`` pixels."""
    rows, cols = pixels.shape[:2]
    buffer = io.BytesIO()
    fitted(pixels, min(side, cols), min(side, rows)).save(buffer, "JPEG", quality=85, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
