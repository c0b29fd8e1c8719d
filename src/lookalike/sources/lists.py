"""Lists of paths and URLs, one a line: in a file, or on standard input."""

from __future__ import annotations

import os
import sys
import tempfile
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lookalike.errors import SourceError
from lookalike.sources.listed import ListedSource, ListName
from lookalike.sources.names import anchored, item_id, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lookalike.sources.listed import Entry

STANDARD_INPUT = "-"
LIST_SUFFIXES = (".txt", ".lst", ".list")
_BLOCK = 1 << 20
_LONGEST = 1 << 16
_BOM = b"\xef\xbb\xbf"


def list_source(path: Path, *, base: Path) -> ListedSource:
    """Return the pictures that a file lists, one path or URL a line; paths are relative to its folder.

    Parameters
    ----------
    path : of the list; a NUL in it says that NULs end the lines, as ``find -print0`` writes them.
    base : the folder that holds the gallery.
    """
    name = anchored(path, base)

    def entries() -> Iterator[Entry]:
        try:
            with path.open("rb") as lines:
                yield from _entries(lines, printable(name))
        except SourceError:
            raise
        except OSError as error:
            raise SourceError(printable(name), error.strerror or "cannot be read") from error

    return ListedSource(ListName(item_id(name, base), printable(name)), entries, folder=Path(name).parent, base=base)


def standard_input_source(stream: IO[bytes] | None = None, *, base: Path) -> ListedSource:
    """Return the pictures that standard input lists, one path or URL a line; paths are relative to the working folder.

    Parameters
    ----------
    stream : read to its end now, and kept in a temporary file as a source is listed more than once; by default the
        standard input.
    base : the folder that holds the gallery.
    """
    kept = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the source, below
    stream = stream or sys.stdin.buffer
    while block := stream.read(_BLOCK):
        kept.write(block)
    name = ListName(STANDARD_INPUT, "standard input")
    source = ListedSource(name, lambda: _entries(kept, name.uri), folder=Path.cwd(), base=base)
    weakref.finalize(source, kept.close)
    return source


def _entries(lines: IO[bytes], uri: str) -> Iterator[Entry]:
    for line in _lines(lines):
        if len(line) > _LONGEST:
            reason = "it is no list of paths or URLs, one a line: it has longer lines than these can be"
            raise SourceError(uri, reason)
        if line.strip():
            yield os.fsdecode(line), {}


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Split a file at its NULs if its first megabyte has any, else at its line ends."""
    file.seek(0)
    head = file.read(_BLOCK)
    end = b"\0" if b"\0" in head else b"\n"
    place = len(_BOM) if head.startswith(_BOM) else 0
    rest = b""
    while True:
        file.seek(place)  # another iterator may have read on meanwhile
        block = file.read(_BLOCK)
        if not block:
            break
        place += len(block)
        *whole, rest = (rest + block).split(end)
        yield from (_stripped(line, end) for line in whole)
        if len(rest) > _LONGEST:
            break
    yield _stripped(rest, end)


def _stripped(line: bytes, end: bytes) -> bytes:
    return line.removesuffix(b"\r") if end == b"\n" else line
