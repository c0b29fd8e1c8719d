"""What decoders raise when fed damaged bytes, and how to say it to a user."""

from __future__ import annotations

import struct
import zlib

from PIL.Image import DecompressionBombError

from lookalike.errors import ImageDecodeError

DECODER_ERRORS: tuple[type[Exception], ...] = (
    AssertionError,
    AttributeError,
    DecompressionBombError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    ZeroDivisionError,
    struct.error,
    zlib.error,
)
"""Raised by Pillow, simplejpeg and pillow-heif, and by the codecs under them."""


def decoder_error(name: str, error: Exception) -> ImageDecodeError:
    """Return the error that tells a user in one clause what a decoder's exception means."""
    message = str(error).strip().partition("\n")[0]
    if isinstance(error, MemoryError):
        reason = f"there is not enough memory to decode the {name}"
    elif isinstance(error, EOFError) or "truncated" in message.lower() or "end of file" in message.lower():
        reason = f"the {name} is truncated"
    else:
        reason = f"the {name} is damaged ({message or type(error).__name__})"
    return ImageDecodeError(reason)
