"""The pixels that every format becomes: 8-bit RGB, upright, opaque."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""Shape (height, width, 3), uint8, RGB."""

_ALPHA_MODES = frozenset({"RGBA", "LA", "PA", "RGBa", "La"})
_MAX_16_BIT = 65535


def rgb(image: Image) -> Pixels:
    """Return a Pillow image of any mode as RGB, as it is stored (not turned upright).

    Transparency, also that of a palette entry, is laid over white. 16 bits a channel are scaled to 8. Values of 32 bits
    or floating point are scaled by their own range where they are neither 16-bit values nor fractions of 1.

    Raises
    ------
    OSError, ValueError, SyntaxError : as Pillow does, when the image turns out to be damaged while it loads.
    """
    image.load()
    transparency = image.info.get("transparency")
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        values = np.asarray(image)
        gray = _to_8_bit(values)
        if isinstance(transparency, int):
            gray[values == transparency] = 255
        return np.repeat(gray[:, :, None], 3, axis=2)
    if image.mode in _ALPHA_MODES or transparency is not None:
        return over_white(np.asarray(image.convert("RGBA")))
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def over_white(rgba: Pixels) -> Pixels:
    """Return pixels with alpha laid over white.

    Parameters
    ----------
    rgba : shape (height, width, 4), uint8, not premultiplied.

    Returns
    -------
    Shape (height, width, 3), a new array.
    """
    alpha = rgba[:, :, 3:].astype(np.uint16)
    mixed = rgba[:, :, :3] * alpha  # at most 255 * 255, which uint16 holds
    mixed += np.uint16(255) * (np.uint16(255) - alpha)
    return ((mixed + np.uint16(127)) // np.uint16(255)).astype(np.uint8)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Return the pixels turned and mirrored as the EXIF orientation, 1 to 8, says.

    Source: Exif 2.32 (CIPA DC-008), tag 0x0112.
    """
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _to_8_bit(values: npt.NDArray[Any]) -> Pixels:
    """Scale gray values of more than 8 bits to 0..255."""
    if values.dtype.kind == "f":
        values = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        low, high = (0.0, 1.0) if values.min() >= 0 and values.max() <= 1 else (values.min(), values.max())
    elif values.min() >= 0 and values.max() <= _MAX_16_BIT:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    else:
        values = values.astype(np.float64)
        low, high = values.min(), values.max()
    span = (high - low) or 1.0
    return np.rint((values - low) * (255.0 / span)).astype(np.uint8)
