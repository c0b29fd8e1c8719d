"""The bodies of requests: counted while they arrive, one by one and together."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from lookalike.server.problems import RefusedError, busy

if TYPE_CHECKING:
    from starlette.types import Message, Receive

_PATIENCE = 20.0
"""Seconds for the next part to arrive."""
_LEAST_RATE = 4_000
"""Bytes a second, on the average, that a body has to arrive with once the seconds above have passed."""


class Room:
    """How many bytes all bodies may have that are held at the same time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    def take(self, count: int) -> None:
        """Take room, or give it back where ``count`` is negative.

        Raises
        ------
        RefusedError : if there is none left.
        """
        if count > 0 and self._taken + count > self._most:
            raise busy()
        self._taken += count


class Body:
    """Receives one body, up to a limit, as long as it arrives: a part every 20 s, and 4 kB a second on the average.

    Parameters
    ----------
    receive : hands over its parts.
    most : bytes.
    room : for it and the others.
    """

    def __init__(self, receive: Receive, most: int, room: Room) -> None:
        self._receive = receive
        self._most = most
        self._room = room
        self._size = 0
        self._is_whole = False
        self._begun = time.monotonic()

    def expect(self, length: str) -> None:
        """Refuse a body by the length that its head tells.

        Raises
        ------
        RefusedError : if it is above the limit.
        """
        if length.isdecimal() and int(length) > self._most:
            raise self._too_large()

    async def __call__(self) -> Message:
        """Return its next part.

        Raises
        ------
        RefusedError : if it is above the limit, or does not arrive in time.
        """
        if self._is_whole:
            return await self._receive()
        left = self._begun + _PATIENCE + self._size / _LEAST_RATE - time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), min(left, _PATIENCE))
        except asyncio.TimeoutError as error:
            msg = f"the request comes too slowly: send a part every {_PATIENCE:g} s, and {_LEAST_RATE} bytes a second"
            raise RefusedError(408, "SlowError", msg) from error
        self._is_whole = not message.get("more_body", False)
        count = len(message.get("body", b""))
        if self._size + count > self._most:
            raise self._too_large()
        self._room.take(count)
        self._size += count
        return message

    def close(self) -> None:
        """Give its room back."""
        self._room.take(-self._size)

    def _too_large(self) -> RefusedError:
        return RefusedError(413, "TooLargeError", f"the request has more than {self._most / 1e6:g} MB")
