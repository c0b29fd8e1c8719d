"""Every error that lookalike raises on purpose.

::

    LookalikeError
      InputError (ValueError)             the caller's mistake
        ShapeError                        an array of the wrong shape
        ImageDecodeError                  bytes that are no readable picture
        UnknownNameError                  a name that nothing is registered under
        UnknownItemError                  an id that no item of the gallery has
        ConditionError                    a condition over the attributes that cannot be used
        IndexTooLargeError                an index that this machine has no room for
      SpaceMismatchError (ValueError)     embeddings of two encoders would be compared
      EncoderError (RuntimeError)         an encoder that cannot be loaded or run
      BackendMissingError (ImportError)   an optional dependency is not installed
      SourceError (OSError)               a source of images that cannot be read
        SourceGoneError                   there is none under its name, or no image in it
      StoreError (RuntimeError)           the gallery on disk
        StoreMissingError                 there is none
        StoreVersionError                 written by a newer lookalike
        StoreCorruptError                 damaged
        StoreLockedError                  another process is writing to it
        StoreFullError                    no space left
        IndexUnusableError                a stored index does not fit its rows, or is damaged
      RemoteError (RuntimeError)          a server that cannot be reached, or fails

Each message says what is wrong, what was found, and what to do about it. The parts of the message are attributes.
One unreadable picture among many is not an error but a value: see :class:`lookalike.building.report.Failure`.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


_MOST_SHOWN = 300
"""Characters of a condition that a message repeats."""


def _restored(kind: type[LookalikeError], args: tuple[Any, ...], state: dict[str, Any]) -> LookalikeError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class LookalikeError(Exception):
    """Base of every error that lookalike raises on purpose. Pickles, so that it can cross processes."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Python's own way calls the constructor with args, which it leaves empty for OSError and keyword arguments
        return _restored, (type(self), self.args, self.__dict__)


class InputError(LookalikeError, ValueError):
    """The caller passed something that cannot be used; the message names the remedy."""


class ShapeError(InputError):
    """An array does not have the shape that was asked for."""

    def __init__(self, expected: str, actual: tuple[int, ...]) -> None:
        self.expected = expected
        self.actual = actual

    def __str__(self) -> str:
        return f"expected an array of shape {self.expected}, got {self.actual}"


class ImageDecodeError(InputError):
    """Bytes that cannot be turned into pixels."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class UnknownNameError(InputError):
    """Nothing is registered under a name; similar names are offered."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(sorted(known))
        self.args = (kind, name, self.known)

    def __str__(self) -> str:
        close = difflib.get_close_matches(str(self.name), self.known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(self.known)}."
        return f"there is no {self.kind} named {self.name!r}; {hint}"


class UnknownItemError(InputError):
    """No item of the gallery has an id."""

    def __init__(self, item: str, hint: str) -> None:
        self.item = item
        self.hint = hint

    def __str__(self) -> str:
        return f"the gallery has no item with the id {self.item!r}; {self.hint}"


class ConditionError(InputError):
    """A condition over the attributes cannot be used."""

    def __init__(self, condition: str, problem: str, attributes: Iterable[str]) -> None:
        self.condition = condition
        self.problem = problem
        self.attributes = tuple(attributes)
        self.args = (condition, problem, self.attributes)

    def __str__(self) -> str:
        shown = self.condition
        shown = shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}…"
        names = ", ".join(self.attributes)
        return f"the condition {shown!r} cannot be used: {self.problem}; the attributes are: {names}"


class IndexTooLargeError(InputError):
    """An index whose building takes more memory or disk than is free."""

    def __init__(self, index: str, what: str, needed: int, available: int) -> None:
        self.index = index
        self.what = what
        self.needed = needed
        self.available = available

    def __str__(self) -> str:
        return (
            f"the index {self.index} takes up to {gigabytes(self.needed)} of {self.what} to build, and "
            f"{gigabytes(self.available)} are free; free some, or choose a smaller one, such as sq8, or exact"
        )


class SpaceMismatchError(LookalikeError, ValueError):
    """The gallery's embeddings and the encoder at hand live in different spaces."""

    def __init__(self, gallery: str, encoder: str, remedy: str) -> None:
        self.gallery = gallery
        self.encoder = encoder
        self.remedy = remedy

    def __str__(self) -> str:
        return f"this gallery was made by {self.gallery}, not by {self.encoder}: {self.remedy}"


class EncoderError(LookalikeError, RuntimeError):
    """An encoder cannot be loaded or run; the message names the model and the cause."""


class BackendMissingError(LookalikeError, ImportError):
    """An optional dependency is not installed; the message gives the command that installs it."""

    def __init__(self, backend: str, extra: str) -> None:
        self.backend = backend
        self.extra = extra

    def __str__(self) -> str:
        return f'{self.backend} is not installed; run: pip install "lookalike[{self.extra}]"'


class SourceError(LookalikeError, OSError):
    """A source of images cannot be read."""

    def __init__(self, uri: str, reason: str) -> None:
        self.uri = uri
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.uri}: {self.reason}"


class SourceGoneError(SourceError):
    """There is nothing under the name of a source, or no image in it."""


class StoreError(LookalikeError, RuntimeError):
    """The gallery on disk cannot be used as asked."""


class StoreMissingError(StoreError):
    """There is no gallery where one was looked for."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __str__(self) -> str:
        return f"no gallery at {self.path}; make one with: lookalike index FOLDER"


class StoreVersionError(StoreError):
    """The gallery was written in a newer format than this version reads."""

    def __init__(self, path: str, found: int, supported: int) -> None:
        self.path = path
        self.found = found
        self.supported = supported

    def __str__(self) -> str:
        return (
            f"the gallery at {self.path} has format {self.found}, and this lookalike reads formats up to "
            f"{self.supported}; upgrade with: pip install --upgrade lookalike"
        )


class StoreCorruptError(StoreError):
    """The gallery's files are damaged."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"the gallery at {self.path} is damaged ({self.reason}); restore it, or remove it and index again"


class StoreLockedError(StoreError):
    """Another process is writing to the gallery."""

    def __init__(self, path: str, holder: str) -> None:
        self.path = path
        self.holder = holder

    def __str__(self) -> str:
        return f"the gallery at {self.path} is being written by {self.holder}; wait for it to end, then run this again"


class StoreFullError(StoreError):
    """No space is left on the gallery's disk."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __str__(self) -> str:
        return (
            f"no space left on the disk that holds {self.path}; free some and run the same command again: "
            "what is already indexed is kept"
        )


class IndexUnusableError(StoreError):
    """A stored index does not belong to the rows at hand, or is damaged. It can always be made again."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"the index in {self.path} cannot be used ({self.reason}); build it again"


class RemoteError(LookalikeError, RuntimeError):
    """A server cannot be reached, or does not answer as asked."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}"


def gigabytes(nbytes: int) -> str:
    """Return a number of bytes for people."""
    return f"{nbytes / 1e9:,.2f} GB"


def first_line(error: BaseException) -> str:
    """Return the first line of a foreign error's message, or the error's kind where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
