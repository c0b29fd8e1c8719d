"""What is read of a picture's EXIF: how it was held, and when it was taken."""

from __future__ import annotations

import struct
import threading
import warnings
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL.Image import Exif, Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ORIENTATION, _DATE_TIME, _EXIF_IFD, _DATE_TIME_ORIGINAL = 0x0112, 0x0132, 0x8769, 0x9003
_APP1, _START_OF_SCAN, _END_OF_IMAGE = 0xE1, 0xDA, 0xD9
_EXIF_HEADER = b"Exif\0\0"
# what Pillow's EXIF reader lets through when the block is damaged
_DAMAGED = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, struct.error)
_quiet_lock = threading.Lock()


class Shot(NamedTuple):
    """How and when a picture was taken."""

    orientation: int = 1
    """1 (upright) to 8, as EXIF counts."""
    taken: datetime | None = None
    """Local time of the camera; DateTimeOriginal, else DateTime."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Pillow's warnings about damaged tags and large images from the user.

    Warning filters belong to the process: one thread at a time may change them, and only Pillow's are silenced, so
    that other code that changes them meanwhile can inherit no more than that.
    """
    with _quiet_lock, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def shot_of_jpeg(data: bytes) -> Shot:
    """Read the EXIF of a JPEG; a JPEG without any, or with a damaged one, is upright and of unknown date."""
    block = _exif_block(data)
    if block is None:
        return Shot()

    def load() -> Exif:
        exif = Exif()
        exif.load(block)
        return exif

    return _shot(load)


def shot_of_image(image: Image) -> Shot:
    """Read the EXIF of a Pillow image that is already loaded."""
    return _shot(image.getexif)


def _shot(load: Callable[[], Exif]) -> Shot:
    orientation, taken = 1, None
    with quiet():
        try:
            exif = load()
            orientation = _orientation(exif.get(_ORIENTATION))
            taken = _time(exif.get(_DATE_TIME))
            taken = _time(exif.get_ifd(_EXIF_IFD).get(_DATE_TIME_ORIGINAL)) or taken
        except _DAMAGED:
            pass  # what was read before the damage stands
    return Shot(orientation, taken)


def _orientation(value: Any) -> int:
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return datetime.strptime(value.strip("\0 ")[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:  # cameras without a clock write zeros or spaces
        return None


def _exif_block(data: bytes) -> bytes | None:
    """Walk a JPEG's segments up to the first scan and return its EXIF, header included."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in {_START_OF_SCAN, _END_OF_IMAGE}:
            break
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _APP1 and data.startswith(_EXIF_HEADER, at + 4):
            return data[at + 4 : at + 2 + length]
        at += 2 + length
    return None
