"""Every format but JPEG, by the one Pillow reader that is meant for it."""

from __future__ import annotations

from contextlib import nullcontext
from io import BytesIO
from typing import TYPE_CHECKING

from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from lookalike.errors import ImageDecodeError
from lookalike.images.exif import Shot, quiet, shot_of_image
from lookalike.images.pixels import rgb

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image

    from lookalike.images.limits import Limits
    from lookalike.images.pixels import Pixels

# Image.open would guess the format, also among those that run other programs, and has a limit of its own on pixels
_READERS: dict[str, Callable[[BytesIO], Image]] = {
    "BMP": BmpImageFile,
    "GIF": GifImageFile,
    "PNG": PngImageFile,
    "TIFF": TiffImageFile,
    "WebP": WebPImageFile,
}


def decode_container(data: bytes, name: str, limits: Limits) -> tuple[Pixels, Shot]:
    """Decode the first picture of a file as it is stored, and say how it was held.

    Parameters
    ----------
    data : the file.
    name : BMP, GIF, PNG, TIFF, WebP, HEIC or AVIF.
    limits : checked before the pixels are allocated.

    Raises
    ------
    ImageDecodeError : if it is too large, or what reads the format is not installed.
    OSError, SyntaxError, ValueError, ... : as Pillow does, if it is damaged.
    """
    if name == "WebP":  # whose reader allocates the canvas on opening
        limits.check_pixels(*_webp_size(data))
    image = _open(data, name, limits)
    limits.check_pixels(*image.size)
    # a TIFF's tags are read once more, and its tiles checked, on loading
    with quiet() if name == "TIFF" else nullcontext():
        pixels = rgb(image)
    return pixels, shot_of_image(image)


def _open(data: bytes, name: str, limits: Limits) -> Image:
    if name == "HEIC":
        return _open_heic(data, limits)
    if name == "AVIF":
        return _open_avif(data)
    with quiet():
        return _READERS[name](BytesIO(data))


def _open_heic(data: bytes, limits: Limits) -> Image:
    try:
        import pillow_heif
    except ImportError as error:
        reason = 'reading HEIC needs an extra; run: pip install "lookalike[heif]"'
        raise ImageDecodeError(reason) from error
    file = pillow_heif.open_heif(data)
    limits.check_pixels(*file.size)
    # libheif has already turned the picture as the container says, and to_pillow resets the EXIF orientation
    image: Image = file.to_pillow()
    return image


def _open_avif(data: bytes) -> Image:
    try:
        from PIL import AvifImagePlugin
    except ImportError:
        supported = False
    else:
        supported = AvifImagePlugin.SUPPORTED
    if not supported:
        reason = "this Pillow reads no AVIF; run: pip install --upgrade pillow"
        raise ImageDecodeError(reason)
    with quiet():
        return AvifImagePlugin.AvifImageFile(BytesIO(data))


def _webp_size(data: bytes) -> tuple[int, int]:
    """Read the size of the canvas from a WebP's first chunk.

    Source: RFC 9649, sections 2.5 to 2.7.
    """
    chunk = data[12:16]
    if len(data) < 30:
        msg = "truncated header"
        raise EOFError(msg)
    if chunk == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
