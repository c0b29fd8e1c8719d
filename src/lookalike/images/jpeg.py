"""JPEG, by libjpeg-turbo, at a reduced size where that is enough."""

from __future__ import annotations

import math
from io import BytesIO
from typing import TYPE_CHECKING

import simplejpeg
from PIL.JpegImagePlugin import JpegImageFile

from lookalike.errors import ImageDecodeError
from lookalike.images.exif import quiet
from lookalike.images.pixels import rgb

if TYPE_CHECKING:
    from lookalike.images.limits import Limits
    from lookalike.images.pixels import Pixels

_DIRECT_COLORS = frozenset({"YCbCr", "Gray", "RGB"})


def decode_jpeg(
    data: bytes, *, min_side: int | None, limits: Limits, most_drift: float | None = None
) -> tuple[Pixels, int, int]:
    """Decode a JPEG as it is stored (not turned upright).

    Parameters
    ----------
    data : the file.
    min_side : the decoder may halve the size (in the DCT domain) while the short side keeps at least this; None decodes
        at full size, bit for bit as Pillow does.
    limits : of the full size.
    most_drift : how far the far edges of a reduced picture may lie off, as a share of its sides, for sides that are no
        whole number of pixels are rounded up; None for any.

    Returns
    -------
    The pixels, and the width and height at full size.

    Raises
    ------
    ImageDecodeError : if it is too large or truncated.
    ValueError, OSError, SyntaxError : if it is damaged otherwise.
    """
    drafted_side = min_side if most_drift is None else None
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:  # an unusual chroma subsampling, say
        return _decode_with_pillow(data, drafted_side, limits)
    limits.check_pixels(width, height)
    if colors not in _DIRECT_COLORS:  # Pillow undoes Adobe's inversion of CMYK
        return _decode_with_pillow(data, drafted_side, limits)
    shape = (min_side or 0, min_side or 0)
    if min_side is not None and most_drift is not None:
        shape = _true_size((height, width), min_side, most_drift)
    try:
        return simplejpeg.decode_jpeg(data, min_height=shape[0], min_width=shape[1]), width, height
    except ValueError as error:
        if "premature end" in str(error).lower():
            reason = "the JPEG is truncated"
            raise ImageDecodeError(reason) from error
        # harmless damage, such as bytes between segments, is read past as browsers do; Pillow still refuses truncation
        return _decode_with_pillow(data, drafted_side, limits)


def _true_size(size: tuple[int, int], min_side: int, most_drift: float) -> tuple[int, int]:
    """Return the smallest of the reduced sizes that keeps the proportions, or the full one."""
    for eighths in range(1, 8):
        reduced = math.ceil(size[0] * eighths / 8), math.ceil(size[1] * eighths / 8)
        drift = max(1 - whole * eighths / 8 / side for whole, side in zip(size, reduced, strict=True))
        if min(reduced) >= min_side and drift <= most_drift:
            return reduced
    return size


def _decode_with_pillow(data: bytes, min_side: int | None, limits: Limits) -> tuple[Pixels, int, int]:
    with quiet():
        image = JpegImageFile(BytesIO(data))
    width, height = image.size
    limits.check_pixels(width, height)
    if min_side is not None:
        image.draft(None, (min_side, min_side))
    return rgb(image), width, height
