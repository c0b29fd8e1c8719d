"""A picture's file to its bytes, for a path that a user or a gallery names."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from lookalike.errors import LookalikeError, SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from lookalike.images.limits import Limits


def read_picture(path: Path, limits: Limits) -> bytes:
    """Return the bytes of a regular file; a device or a pipe, which may have no end, is not opened.

    Parameters
    ----------
    path : links are followed.
    limits : a larger file is refused before it is read.

    Raises
    ------
    SourceError : if there is no such file, it is not a regular one, or it cannot be read.
    ImageDecodeError : if it is above the limit.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SourceError(str(path), "is a folder; name a picture in it")
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(str(path), "is no regular file; name a picture")
        limits.check_bytes(status.st_size)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise SourceError(str(path), "no such file") from error
    except LookalikeError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SourceError(str(path), reason) from error
