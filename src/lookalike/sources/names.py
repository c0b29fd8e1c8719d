"""Paths to ids and URIs, and back: always valid UTF-8, whatever the names on disk."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

from lookalike.images.ref import ImageRef

_ESCAPED = "file:"
_URL = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+:/")


def printable(text: str) -> str:
    r"""Return a name or path as valid UTF-8, from which :func:`original` restores it.

    One that is valid already is returned as it is. Any other becomes a ``file:`` URI with its bytes percent-encoded; so
    does one that begins with ``file:``, lest two names become one.

    Examples
    --------
    >>> printable("cats/1.jpg"), printable("/cats/\udcff.jpg")
    ('cats/1.jpg', 'file:///cats/%FF.jpg')
    """
    if not text.startswith(_ESCAPED):
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return text
    authority = "//" if text.startswith("/") else ""
    return f"{_ESCAPED}{authority}{quote_from_bytes(os.fsencode(text))}"


def original(text: str) -> str:
    """Return the name or path that :func:`printable` made ``text`` of; also the path of any ``file:`` URI."""
    if not text.startswith(_ESCAPED):
        return text
    path = text[len(_ESCAPED) :]
    return os.fsdecode(unquote_to_bytes(path.removeprefix("//")))


def absolute(path: str | os.PathLike[str]) -> str:
    """Return a path absolute, with its symbolic links kept, which Path.resolve would follow."""
    return os.path.abspath(path)  # noqa: PTH100 - Path.absolute keeps ".." in the path


def name_of(path: str) -> str:
    """Return the last part of an absolute path."""
    return path.rpartition(os.sep)[2]


def anchored(path: str | os.PathLike[str], base: Path) -> str:
    """Return a path absolute, and through ``base`` where it lies inside.

    A path that reaches into ``base`` by a symbolic link, or around one, gets the same ids as one that does not.
    """
    target, anchor = absolute(path), absolute(base)
    if not is_below(target, anchor):
        real, real_anchor = os.path.realpath(target), os.path.realpath(anchor)
        if is_below(real, real_anchor):
            return str(Path(anchor, os.path.relpath(real, real_anchor)))
    return target


def is_below(path: str, folder: str) -> bool:
    """Say whether an absolute path is that folder or lies inside it, going by its text."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def parts_below(path: str, folder: str) -> tuple[str, ...]:
    """Return the names that lead from a folder to a path below it."""
    return Path(path).relative_to(folder).parts


def item_id(path: str, base: Path) -> str:
    """Return the id of the file at an anchored path: relative to ``base`` if inside, else absolute; with slashes."""
    anchor = absolute(base)
    shown = path[len(anchor.rstrip(os.sep)) + 1 :] if is_below(path, anchor) else path
    return printable(shown.replace(os.sep, "/"))


def path_of_id(item: str, base: Path) -> str | None:
    """Return the path that :func:`item_id` made the id of, or None if the id is a URL."""
    if _URL.match(item):
        return None
    return str(Path(absolute(base), original(item)))


def file_ref(path: str, status: os.stat_result, base: Path) -> ImageRef:
    """Return the reference to a file at an anchored path."""
    return ImageRef(
        id=item_id(path, base),
        uri=printable(path),
        attributes={"folder": printable(name_of(path.rpartition(os.sep)[0]))},
        stamp=f"{status.st_size}:{status.st_mtime_ns}",
        size=status.st_size,
    )
