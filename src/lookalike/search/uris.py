"""The forms of an item's URI: as the gallery keeps it, and as a reader uses it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lookalike.sources.names import is_below, item_id, original, printable

if TYPE_CHECKING:
    from pathlib import Path

_INSIDE = "./"


def stored_uri(uri: str, base: Path) -> str:
    """Return the form that survives moving the gallery together with its images: relative to ``base`` if inside.

    Examples
    --------
    >>> from pathlib import Path
    >>> stored_uri("/photos/cat.jpg", Path("/photos")), stored_uri("/other/cat.jpg", Path("/photos"))
    ('./cat.jpg', '/other/cat.jpg')
    """
    path = original(uri)
    return f"{_INSIDE}{item_id(path, base)}" if is_below(path, str(base)) else uri


def full_uri(stored: str, base: Path) -> str:
    """Return the absolute path or URI that :func:`stored_uri` shortened; what leads out of ``base`` stays as it is."""
    if not stored.startswith(_INSIDE):
        return stored
    path = os.path.normpath(base / original(stored.removeprefix(_INSIDE)))
    # a gallery that somebody else made may say anything
    return printable(path) if is_below(path, str(base)) else stored
