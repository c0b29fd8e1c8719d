"""JPEG, by libjpeg-turbo, at a reduced size where that is enough."""

from __future__ import annotations

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


def decode_jpeg(data: bytes, *, min_side: int | None, limits: Limits) -> tuple[Pixels, int, int]:
    """Decode a JPEG as it is stored (not turned upright).

    Parameters
    ----------
    data : the file.
    min_side : the decoder may halve the size (in the DCT domain) while the short side keeps at least this; None decodes
        at full size, bit for bit as Pillow does.
    limits : of the full size.

    Returns
    -------
    The pixels, and the width and height at full size.

    Raises
    ------
    ImageDecodeError : if it is too large or truncated.
    ValueError, OSError, SyntaxError : if it is damaged otherwise.
    """
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:  # an unusual chroma subsampling, say
        return _decode_with_pillow(data, min_side, limits)
    limits.check_pixels(width, height)
    if colors not in _DIRECT_COLORS:  # Pillow undoes Adobe's inversion of CMYK
        return _decode_with_pillow(data, min_side, limits)
    shortest = min_side or 0
    try:
        return simplejpeg.decode_jpeg(data, min_height=shortest, min_width=shortest), width, height
    except ValueError as error:
        if "premature end" in str(error).lower():
            reason = "the JPEG is truncated"
            raise ImageDecodeError(reason) from error
        # harmless damage, such as bytes between segments, is read past as browsers do; Pillow still refuses truncation
        return _decode_with_pillow(data, min_side, limits)


def _decode_with_pillow(data: bytes, min_side: int | None, limits: Limits) -> tuple[Pixels, int, int]:
    with quiet():
        image = JpegImageFile(BytesIO(data))
    width, height = image.size
    limits.check_pixels(width, height)
    if min_side is not None:
        image.draft(None, (min_side, min_side))
    return rgb(image), width, height
