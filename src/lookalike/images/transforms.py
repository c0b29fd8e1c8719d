"""Pixels to smaller pixels, and to bytes that a browser shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import simplejpeg

if TYPE_CHECKING:
    from lookalike.images.pixels import Pixels


_FRAME = (47, 107, 255)


def thumbnail(pixels: Pixels, side: int) -> Pixels:
    """Return the picture with its long side at most ``side`` pixels, its aspect kept; never enlarged.

    Parameters
    ----------
    pixels : shape (height, width, 3); not modified, and returned itself where it is small enough.
    side : in pixels, at least 1.

    Notes
    -----
    Each pixel is the mean of the area that it stands for.
    """
    height, width = pixels.shape[:2]
    longest = max(height, width)
    if longest <= side:
        return pixels
    size = (max(1, round(width * side / longest)), max(1, round(height * side / longest)))
    smaller: Pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return smaller


def framed(pixels: Pixels, box: tuple[float, float, float, float]) -> Pixels:
    """Return the picture with a frame around a part of it, and what is outside paler.

    Parameters
    ----------
    pixels : shape (height, width, 3); not modified.
    box : x, y, width and height, in fractions of the sides.
    """
    height, width = pixels.shape[:2]
    left, top = round(box[0] * width), round(box[1] * height)
    right, bottom = round((box[0] + box[2]) * width), round((box[1] + box[3]) * height)
    drawn = (pixels // 2 + 127).astype(np.uint8)
    drawn[top:bottom, left:right] = pixels[top:bottom, left:right]
    line = max(1, min(width, height) // 80)
    for edge in (np.s_[:line], np.s_[-line:], np.s_[:, :line], np.s_[:, -line:]):
        drawn[top:bottom, left:right][edge] = _FRAME
    return drawn


def encode_jpeg(pixels: Pixels, quality: int = 85) -> bytes:
    """Return the picture as a JPEG with 4:2:0 chroma; ``quality`` from 1 to 100."""
    encoded: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=quality, colorsubsampling="420")
    return encoded


def encode_png(pixels: Pixels) -> bytes:
    """Return the picture as a PNG, without loss."""
    _, encoded = cv2.imencode(".png", pixels[:, :, ::-1])
    return bytes(encoded)
