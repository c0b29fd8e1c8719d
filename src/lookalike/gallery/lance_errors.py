"""What the table format raises, as the errors of this project."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lookalike.errors import LookalikeError, StoreCorruptError, StoreError, StoreFullError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lookalike.gallery.location import Location

_FULL = ("No space left", "Disk quota exceeded")
_REFUSED = ("Permission denied", "Operation not permitted", "Read-only file system", "File too large")


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
    if refused is None:
        return StoreCorruptError(str(location.folder), first_line(error))
    msg = f"{location.folder} cannot be used ({refused}); mend that, or choose another place with --gallery"
    return StoreError(msg)


def first_line(error: Exception) -> str:
    """Return the message without the places in the library's own source that follow it."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].split(", /")[0].split(", rust/")[0][:200]
