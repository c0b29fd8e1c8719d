"""What goes wrong, as clients are told it: ``{"error": {"type": ..., "message": ...}}``.

A message is passed on where it speaks of the request. One that may speak of the server, such as of its files, stays in
the log, and clients get a sentence that does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import JSONResponse

from lookalike.errors import (
    BackendMissingError,
    InputError,
    LookalikeError,
    SourceError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreMissingError,
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
_TOLD = {
    InputError: (422, None),
    SourceError: (422, None),
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
    status, instead = next(told for kind, told in _TOLD.items() if isinstance(error, kind))
    return RefusedError(status, type(error).__name__, instead or str(error))
