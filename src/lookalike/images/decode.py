"""Encoded bytes to RGB pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL.Image import Image

from lookalike.errors import ImageDecodeError, InputError
from lookalike.images.containers import decode_container
from lookalike.images.damage import DECODER_ERRORS, decoder_error
from lookalike.images.exif import quiet, shot_of_image, shot_of_jpeg
from lookalike.images.formats import sniff
from lookalike.images.jpeg import decode_jpeg
from lookalike.images.limits import DEFAULT_LIMITS, Limits
from lookalike.images.pixels import Pixels, over_white, rgb, upright
from lookalike.images.reading import read_picture
from lookalike.images.region import cut

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

    from lookalike.images.region import Region

__all__ = ["DEFAULT_LIMITS", "Decoded", "Limits", "Pixels", "as_pixels", "decode"]


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A picture, upright."""

    pixels: Pixels
    width: int
    """Of the upright picture at full size, even where ``pixels`` are fewer."""
    height: int
    format: str
    """JPEG, PNG, GIF, BMP, TIFF, WebP, HEIC or AVIF."""
    taken: datetime | None
    """Local time of the camera, if the file holds it."""


def decode(
    data: bytes, *, min_side: int | None = None, most_drift: float | None = None, limits: Limits = DEFAULT_LIMITS
) -> Decoded:
    """Decode one picture to upright, opaque 8-bit RGB. Safe to call from several threads.

    Parameters
    ----------
    data : the whole file; its format is told from its content. Of an animation the first frame is taken.
    min_side : in pixels; lets a JPEG be decoded at a reduced size, much faster, as long as its short side keeps at
        least this. The default decodes at full size.
    most_drift : how far the far edges of a reduced picture may lie off, as a share of its sides, for sides that are no
        whole number of pixels are rounded up; None for any.
    limits : a larger picture is refused from its header.

    Raises
    ------
    ImageDecodeError : if the bytes are no readable picture; its text is a short reason.
    """
    limits.check_bytes(len(data))
    name = sniff(data)
    if name is None:
        reason = "not a picture in a format that lookalike reads" if data else "the file is empty"
        raise ImageDecodeError(reason)
    try:
        if name == "JPEG":
            pixels, width, height = decode_jpeg(data, min_side=min_side, limits=limits, most_drift=most_drift)
            shot = shot_of_jpeg(data)
        else:
            pixels, shot = decode_container(data, name, limits)
            height, width = pixels.shape[:2]
    except ImageDecodeError:
        raise
    except DECODER_ERRORS as error:
        raise decoder_error(name, error) from error
    if shot.orientation >= 5:
        width, height = height, width
    return Decoded(upright(pixels, shot.orientation), width, height, name, shot.taken)


def as_pixels(image: Any, *, limits: Limits = DEFAULT_LIMITS) -> Pixels:
    """Return whatever holds one picture as pixels.

    Parameters
    ----------
    image : a Pillow image (turned upright); an array of shape (height, width), (height, width, 1), (height, width, 3)
        or (height, width, 4), uint8 or floats in [0, 1], RGB; the bytes of a file; or the path of one. Transparency
        is laid over white. Not modified.
    limits : a larger picture is refused.

    Returns
    -------
    Shape (height, width, 3); ``image`` itself where it already is that.

    Raises
    ------
    InputError : if it is none of these, or an array of another shape, dtype or range.
    ImageDecodeError : if its bytes are no readable picture.
    SourceError : if there is no such file.

    Examples
    --------
    >>> as_pixels(np.zeros((2, 3))).shape
    (2, 3, 3)
    """
    if isinstance(image, (bytes, bytearray, memoryview)):
        return decode(bytes(image), limits=limits).pixels
    if isinstance(image, (str, Path)):
        return decode(read_picture(Path(image), limits), limits=limits).pixels
    if isinstance(image, Image):
        return _from_pillow(image, limits)
    if isinstance(image, np.ndarray):
        return _from_array(image, limits)
    msg = (
        f"{type(image).__module__}.{type(image).__qualname__} is not a picture; pass a Pillow image, an array of shape "
        "(height, width, 3), the bytes of a file, or its path"
    )
    raise InputError(msg)


def cut_out(image: Any, region: Region, *, limits: Limits = DEFAULT_LIMITS) -> Pixels:
    """Return a part of what :func:`as_pixels` takes, decoded in full; a new array of shape (height, width, 3).

    Raises
    ------
    InputError : if the region holds none of the picture; also see :func:`as_pixels`.
    ImageDecodeError : if its bytes are no readable picture.
    """
    return np.ascontiguousarray(cut(as_pixels(image, limits=limits), region))


def _from_pillow(image: Image, limits: Limits) -> Pixels:
    limits.check_pixels(*image.size)
    try:
        with quiet():
            pixels = rgb(image)
    except DECODER_ERRORS as error:
        raise decoder_error(image.format or "picture", error) from error
    return upright(pixels, shot_of_image(image).orientation)


def _from_array(array: npt.NDArray[Any], limits: Limits) -> Pixels:
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in {1, 3, 4}:
        hint = "; move the channels to the end" if array.ndim == 3 and array.shape[0] in {1, 3, 4} else ""
        msg = f"an array of shape {array.shape} is not a picture; pass (height, width, 3){hint}"
        raise InputError(msg)
    limits.check_pixels(array.shape[1], array.shape[0])
    if array.dtype.kind == "f":
        if not (array.min() >= 0.0 and array.max() <= 1.0):  # also where a value is NaN
            msg = f"floats must lie in [0, 1], found {array.min():g} to {array.max():g}; divide by the largest value"
            raise InputError(msg)
        array = np.rint(array * 255.0).astype(np.uint8)
    if array.dtype != np.uint8:
        msg = f"an array of {array.dtype} is not a picture; pass uint8 in 0..255, or floats in [0, 1]"
        raise InputError(msg)
    if array.shape[2] == 4:
        return over_white(array)
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    return np.ascontiguousarray(array)
