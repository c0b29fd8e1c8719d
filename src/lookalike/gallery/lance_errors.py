"""What the table format raises, as the errors of this project."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lookalike.errors import LookalikeError, StoreCorruptError, StoreError, StoreFullError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lookalike.gallery.location import Location


@contextmanager
def store_errors(location: Location) -> Iterator[None]:
    """Raise a :class:`~lookalike.errors.StoreError` in place of what the table format raises.

    Raises
    ------
    StoreFullError : if the disk is full.
    StoreError : if the folder cannot be written.
    StoreCorruptError : if files of the gallery are damaged or missing.
    """
    try:
        yield
    except LookalikeError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        text = str(error)
        if "No space left" in text or "os error 28" in text:
            raise StoreFullError(str(location.folder)) from error
        if any(sign in text for sign in ("Permission denied", "Read-only file system", "os error 13", "os error 30")):
            msg = f"{location.folder} cannot be written; choose another place with --gallery"
            raise StoreError(msg) from error
        raise StoreCorruptError(str(location.folder), first_line(error)) from error


def first_line(error: Exception) -> str:
    """Return the message without the places in the library's own source that follow it."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].split(", /")[0].split(", rust/")[0][:200]
