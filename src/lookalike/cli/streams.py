"""The standard streams of this process, fit for whatever they lead to: a full disk, a closed pipe, nothing at all."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

_UNENCODABLE = "backslashreplace"
"""How characters are written that a terminal's encoding lacks."""


class OutputError(Exception):
    """Standard output takes no more; no OSError, so that it is told from the failure of any other file."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.is_broken_pipe = error.errno == errno.EPIPE
        self.reason = error.strerror or str(error)

    def __str__(self) -> str:
        return f"nothing can be written to standard output ({self.reason}); send it to another place"


class _Results(io.TextIOWrapper):
    """Standard output."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise OutputError(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise OutputError(error) from error


class _Messages(io.TextIOWrapper):
    """Standard error, whose own failure nobody can be told of."""

    def write(self, text: str, /) -> int:
        with contextlib.suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def prepare() -> None:
    """Open the standard streams that are closed, and make a failure to write to them one that can be handled.

    A closed one is taken up by the null device, lest the next file that is opened, such as a gallery's, gets its number
    and whatever a library prints. What is printed to a closed standard output is an error, as on a full disk.
    """
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY), encoding="utf-8")
    sys.stdout = _wrapped(sys.stdout, _Results, os.O_RDONLY)  # what can only be read refuses to be written to
    sys.stderr = _wrapped(sys.stderr, _Messages, os.O_WRONLY)


def abandon_output() -> None:
    """Let what could not be written vanish, lest the interpreter try again at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _wrapped(stream: TextIO | None, kind: type[io.TextIOWrapper], flags: int) -> TextIO:
    if stream is None:
        null = os.fdopen(os.open(os.devnull, flags), "wb")
        return kind(null, encoding="utf-8", errors=_UNENCODABLE)
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    return kind(
        stream.buffer,
        encoding=stream.encoding,
        errors=_UNENCODABLE,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
