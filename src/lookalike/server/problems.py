"""What goes wrong, as clients are told it: ``{"error": {"type": ..., "message": ...}}``.

A message is passed on where it speaks of the request. One that may speak of the server, such as of its files, stays in
the log, and clients get a sentence that does not. No message has a path of the server's disk.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fastapi.responses import JSONResponse

from lookalike.errors import (
    BackendMissingError,
    ConditionError,
    InputError,
    LookalikeError,
    SourceError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreMissingError,
    UnknownItemError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

RETRY_SECONDS = 1
"""After which who was turned away may come back."""
_SIGN_IN = 'Basic realm="lookalike", charset="UTF-8"'
"""Browsers ask for a password then, which is the key."""
_HEADERS = {
    401: {"WWW-Authenticate": _SIGN_IN},
    405: {"Allow": "GET, HEAD, POST, DELETE"},  # what any route takes
    408: {"Connection": "close"},  # the rest of the request would come as slowly
    503: {"Retry-After": str(RETRY_SECONDS)},
}
_PATH = re.compile(r"(?<![\w.:/])/(?:(?:[^/\s'\"]|(?<=[^\s,;:]) (?=[^\s/]))+/)+")
"""The folders of an absolute path."""
_HIDDEN = "uri"
"""What conditions of clients cannot be about; see :mod:`lookalike.server.conditions`."""
_TOLD = {
    InputError: (422, None),
    StoreMissingError: (404, "this gallery holds no images yet; add some"),
    StoreLockedError: (503, "the gallery is being written by another process; try again"),
    StoreFullError: (507, "no space is left on the server"),
    StoreError: (503, "the gallery cannot be read or written now; the log of the server says why"),
    BackendMissingError: (501, "the server lacks a package for this; its log says which"),
    LookalikeError: (500, "the server failed; its log says why"),
}
"""By kind of error, the more special ones first: the status, and what is said instead of the message."""


class RefusedError(Exception):
    """A request is not answered."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


def busy() -> RefusedError:
    """Return the error for who has to come back."""
    return RefusedError(503, "BusyError", f"the server is busy; try again in {RETRY_SECONDS} s")


def problem(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the response for what went wrong."""
    known = _HEADERS.get(status, {})
    return JSONResponse({"error": {"type": kind, "message": message}}, status, headers={**known, **(headers or {})})


def problem_of(error: LookalikeError | RefusedError) -> JSONResponse:
    """Return the response for an error."""
    told = as_refusal(error)
    return problem(told.status, told.kind, told.message)


def as_refusal(error: LookalikeError | RefusedError) -> RefusedError:
    """Return an error as clients are told it."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, UnknownItemError):
        return unknown(error.item)
    if isinstance(error, SourceError):
        return gone()
    if isinstance(error, ConditionError):
        return RefusedError(422, InputError.__name__, _told(error))
    status, instead = next(told for kind, told in _TOLD.items() if isinstance(error, kind))
    return RefusedError(status, type(error).__name__, instead or without_folders(str(error)))


def without_folders(message: str) -> str:
    """Return a message without the folders of the paths that it names."""
    return _PATH.sub("…/", message)


def unknown(item: str, hint: str = "") -> RefusedError:
    """Return the error for an id that no item has, and what that means for the request."""
    more = f"; {hint}" if hint else ""
    return RefusedError(404, "UnknownItemError", f"the gallery has no item with the id {item!r}{more}")


def gone() -> RefusedError:
    """Return the error for an item whose picture is not there any more, or is another."""
    return RefusedError(404, "PictureGoneError", "the picture of this item cannot be read any more")


def _told(error: ConditionError) -> str:
    """Return what is wrong with a condition, with the attributes that clients can use."""
    attributes = [name for name in error.attributes if name != _HIDDEN]
    problem = error.problem.replace(f" (did you mean {_HIDDEN}?)", "")
    return str(ConditionError(error.condition, problem, attributes))
