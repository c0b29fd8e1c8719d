"""The connections of a server: fewer than the process may have files, so that it never lacks one for a gallery."""

from __future__ import annotations

import sys
import time
from typing import Protocol

if sys.platform != "win32":  # which has no such limit
    import resource

_MOST = 4_096
_AT_ONCE = 1.0
"""Seconds within which the head of a request comes, if its client means it."""


class Connection(Protocol):
    """What can be ended."""

    def give_way(self) -> None:
        """End the connection at once."""


class Connections:
    """Lets connections in up to a number; one that waits for the head of a request gives way to a new one.

    Parameters
    ----------
    most : how many; by default :func:`most_connections`.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most_connections() if most is None else most
        self._all: set[Connection] = set()
        self._waiting: dict[Connection, float] = {}
        """Those that answer nothing, and since when; the longest first."""

    def enter(self, connection: Connection) -> bool:
        """Let one in, and say whether there was room."""
        if len(self._all) >= self._most and not self._make_room():
            return False
        self._all.add(connection)
        self.wait(connection)
        return True

    def wait(self, connection: Connection) -> None:
        """Note that one waits for a request from now on."""
        if connection in self._all:
            self._waiting.pop(connection, None)
            self._waiting[connection] = time.monotonic()

    def answer(self, connection: Connection) -> None:
        """Note that one has a request to answer."""
        self._waiting.pop(connection, None)

    def leave(self, connection: Connection) -> None:
        """Let one go."""
        self._all.discard(connection)
        self._waiting.pop(connection, None)

    def _make_room(self) -> bool:
        longest = next(iter(self._waiting), None)
        if longest is None or time.monotonic() - self._waiting[longest] < _AT_ONCE:
            return False
        self.leave(longest)
        longest.give_way()
        return True


def most_connections() -> int:
    """Return how many connections a process may have: half of its files at most, for galleries need some too."""
    if sys.platform == "win32":
        return _MOST
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if files == resource.RLIM_INFINITY else max(1, min(_MOST, files // 2))
