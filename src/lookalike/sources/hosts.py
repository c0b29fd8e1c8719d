"""Turns for requests to one host, so that none is overrun."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_REMEMBERED = 4096


class Host:
    """Gives requests to one host their turns; safe in threads.

    Parameters
    ----------
    at_once : requests at the same time.
    spacing : seconds between the beginnings of two.
    """

    def __init__(self, *, at_once: int, spacing: float) -> None:
        self._slots = threading.BoundedSemaphore(at_once)
        self._spacing = spacing
        self._lock = threading.Lock()
        self._next = 0.0

    @contextmanager
    def turn(self, deadline: float) -> Iterator[bool]:
        """Wait for a turn, which lasts as long as the context, and say whether there was one before the deadline.

        Parameters
        ----------
        deadline : by ``time.monotonic``.
        """
        if not self._slots.acquire(timeout=max(0.0, deadline - time.monotonic())):
            yield False
            return
        try:
            begin = self._reserve(deadline)
            if begin is not None:
                time.sleep(max(0.0, begin - time.monotonic()))
            yield begin is not None
        finally:
            self._slots.release()

    def rest(self, seconds: float) -> None:
        """Begin no request before that time has passed."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def _reserve(self, deadline: float) -> float | None:
        with self._lock:
            begin = max(self._next, time.monotonic())
            if begin >= deadline:
                return None
            self._next = begin + self._spacing
            return begin


_hosts: OrderedDict[tuple[str, int, float], Host] = OrderedDict()
_lock = threading.Lock()


def host(name: str, *, at_once: int, spacing: float) -> Host:
    """Return the turns of the host of that name and port."""
    key = (name, at_once, spacing)
    with _lock:
        found = _hosts.setdefault(key, Host(at_once=at_once, spacing=spacing))
        _hosts.move_to_end(key)
        if len(_hosts) > _REMEMBERED:
            _hosts.popitem(last=False)
        return found
