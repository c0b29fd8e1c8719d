"""The picture of an item, where it lies on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.errors import SourceError
from lookalike.images.digest import content_digest
from lookalike.images.reading import read_picture
from lookalike.sources.names import original

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.images.limits import Limits


def is_file(uri: str) -> bool:
    """Say whether the full URI of an item is the path of a file of its own."""
    return Path(original(uri)).is_absolute()


def read_kept(uri: str, digest: str, thumbnail: Callable[[], bytes | None], limits: Limits) -> bytes:
    """Return the encoded picture of an item: its file, or the thumbnail kept for an item that has none.

    Parameters
    ----------
    uri, digest, limits : see :func:`read_original`.
    thumbnail : returns the one that the gallery keeps, if any; only called for an item that is no file of its own.

    Raises
    ------
    SourceError : if neither can be read, or the file is another than was indexed.
    ImageDecodeError : if the file is above the limit.
    """
    if is_file(uri):
        return read_original(uri, digest, limits)
    kept = thumbnail()
    if kept is None:
        raise SourceError(uri, "the gallery keeps no picture of this item")
    return kept


def read_original(uri: str, digest: str, limits: Limits) -> bytes:
    """Return the encoded picture that was indexed.

    Parameters
    ----------
    uri : of the item, in full.
    digest : of the bytes that were indexed.
    limits : a larger file is refused.

    Raises
    ------
    SourceError : if it is no file or cannot be read, or is another than was indexed: a gallery may come from somebody
        else, and must not name files of yours as its own.
    ImageDecodeError : if the file is above the limit.
    """
    if not is_file(uri):
        raise SourceError(uri, "the picture of this item is no file of its own; name a picture file")
    data = read_picture(Path(original(uri)), limits)
    if content_digest(data) != digest:
        raise SourceError(uri, "the file has changed since it was indexed; index it again")
    return data
