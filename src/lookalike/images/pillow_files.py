"""The file behind a Pillow image."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image, ImageFile


def encoded_file(image: Any) -> bytes | None:
    """Return the bytes of the file that a Pillow image was opened from, if nothing can have changed the image since.

    That is so until its pixels are loaded, as they are by nearly anything that is done with it. None for all else.
    """
    if not isinstance(image, ImageFile.ImageFile) or not image.tile or image.tell() != 0:
        return None
    file: Any = image.fp
    try:
        place = file.tell()
        file.seek(0)
        data = bytes(file.read())
        file.seek(place)
        with Image.open(BytesIO(data)) as fresh:
            # Image.draft changes these, and loads nothing
            is_same = (fresh.format, fresh.size, fresh.mode) == (image.format, image.size, image.mode)
    except (OSError, ValueError, AttributeError):  # closed, or never a file
        return None
    return data if is_same else None
