"""What the table format raises, as the errors of this project."""

from __future__ import annotations

import errno
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lookalike.errors import LookalikeError, StoreCorruptError, StoreError, StoreFullError, first_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lookalike.gallery.location import Location

_NUMBERED = re.compile(r"os error (\d+)")
"""How the table format quotes the operating system; a missing file is damage."""
_FULL = ("No space left", "Disk quota exceeded")
_REFUSED = (
    "Permission denied",
    "Operation not permitted",
    "Read-only file system",
    "File too large",
    "Too many open files",
    "Input/output error",
    "Stale file handle",
)


@contextmanager
def store_errors(location: Location) -> Iterator[None]:
    """Raise a :class:`~lookalike.errors.StoreError` in place of what the table format raises.

    Raises
    ------
    StoreFullError : if the disk is full.
    StoreError : if the folder cannot be read or written.
    StoreCorruptError : if files of the gallery are damaged or missing.
    """
    try:
        yield
    except LookalikeError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        raise store_error(location, error) from error


def store_error(location: Location, error: Exception) -> StoreError:
    """Return the error that tells a user what the table format or the operating system means."""
    text = str(error)
    if any(sign in text for sign in _FULL):
        return StoreFullError(str(location.folder))
    refused = next((sign for sign in _REFUSED if sign in text), None)
    if refused is None and isinstance(error, OSError) and error.errno is not None:
        refused = error.strerror  # from the operating system: the table format raises OSError without a number
    number = _NUMBERED.search(text)
    if refused is None and number is not None and int(number[1]) != errno.ENOENT:
        refused = os.strerror(int(number[1]))
    if refused is None and "onflict" in text:
        refused = "another program wrote to it at the same time"
    if refused is None:
        return StoreCorruptError(str(location.folder), message_of(error))
    msg = f"{location.folder} cannot be used ({refused}); mend that, or choose another place with --gallery"
    return StoreError(msg)


def message_of(error: Exception) -> str:
    """Return the message without the places in the library's own source that follow it."""
    return first_line(error).split(", /")[0].split(", rust/")[0][:200]
