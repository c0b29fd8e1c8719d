"""Pictures written by the tests themselves, in every format and mode."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image


def gradient(height: int = 40, width: int = 60) -> np.ndarray:
    """Smooth and without any symmetry, so that every turn and mirroring is told apart, also after a lossy codec."""
    y, x = np.mgrid[0:height, 0:width]
    red, green, blue = x / width, y / height, (x + y) / (height + width)
    return np.rint(np.dstack([red, green, blue]) * 255).astype(np.uint8)


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds hardly any bytes."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(b"\0")) + png_chunk(b"IEND", b"")
