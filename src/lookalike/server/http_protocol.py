"""HTTP/1.1 on a connection, by the parser of Node.js (https://github.com/MagicStack/httptools); waiting is bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from lookalike.server.headers import CAUTION, NOTHING_RUNS
from lookalike.server.logs import Seldom
from lookalike.server.problems import problem

if TYPE_CHECKING:
    import asyncio

    from lookalike.server.connections import Connections

_HEAD_BYTES = 1 << 15
_HEAD_SECONDS = 15.0
"""From the opening of a connection, or the first byte of a further request, to the end of its head."""
_MOST_AHEAD = 16
"""Requests that a client may send before those ahead of them are answered."""
_LOOK_SECONDS = 20.0
_LEAST_READ = 4_000
"""Bytes a second that a client has to read of what was written for it."""
_NO_REQUEST = "this is no request of HTTP/1.1"
_SLOW = Seldom("connections were ended, for their clients were too slow")
_FULL = Seldom("connections were ended, for there were too many")


class HttpProtocol(HttpToolsProtocol):
    """Parses requests.

    Heads and trailers that do not end are refused, for the parser would keep all that comes. So are those that take
    too long, and clients that do not read what they asked for: each would keep a connection from others.

    Parameters
    ----------
    connections : those of the server.
    others : see the base class.
    """

    def __init__(self, *others: Any, connections: Connections, **named: Any) -> None:
        super().__init__(*others, **named)
        self._all = connections
        self._kept = 0
        """Bytes that have come since the parser last handed on a head, a part of a body or its end."""
        self._has_head = False
        """Whether a head has come, and its body not yet."""
        self._deadline: asyncio.TimerHandle | None = None
        """Of a head; or of the rest of a body that nobody waits for."""
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        if self._all.enter(self):
            self._expect()
        else:
            _FULL.note()
            self._refuse(503, "BusyError", "the server has too many connections; try again")

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go."""
        self._all.leave(self)
        self._stop_expecting()
        self._stop_looking()
        super().connection_lost(exc)

    def give_way(self) -> None:
        """End at once, for another connection."""
        _FULL.note()
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self._kept += len(data)
        if not self._has_head:
            self._expect()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserInvalidMethodError:
            if data[:1].isalpha():
                self._refuse(405, "RequestError", "method not allowed")
            else:  # TLS, say
                self._refuse(400, "RequestError", _NO_REQUEST)
        except httptools.HttpParserUpgrade:
            pass  # the request is answered as any other
        except httptools.HttpParserError:
            self._refuse(400, "RequestError", _NO_REQUEST)
        if self._kept > _HEAD_BYTES:
            self._refuse(400, "RequestError", f"the head of the request has more than {_HEAD_BYTES} bytes")

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._expect()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        self._kept = 0
        self._has_head = True
        self._stop_expecting()
        self._all.answer(self)
        super().on_headers_complete()
        if len(self.pipeline) > _MOST_AHEAD:
            msg = "too many requests ahead of their answers"
            raise ValueError(msg)  # which ends the connection

    def on_body(self, body: bytes) -> None:
        """Hand on a part of the body."""
        self._kept = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for the next head."""
        self._kept = 0
        self._has_head = False
        self._stop_expecting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of a body that is of no use."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._look_on()
        elif self.cycle.response_complete:
            self._all.wait(self)
            if self._has_head:
                self._expect()

    def pause_writing(self) -> None:
        """See to it that the client reads."""
        super().pause_writing()
        self._look_on()

    def resume_writing(self) -> None:
        """Go on."""
        self._stop_looking()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that is of no use."""
        self._close()

    def _expect(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(_HEAD_SECONDS, self._too_late)

    def _stop_expecting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if self._is_answering():  # meanwhile, its client may have been kept from sending
            self._expect()
            return
        _SLOW.note()
        if self._kept and not self._has_head:
            self._refuse(408, "SlowError", f"the head of the request did not come within {_HEAD_SECONDS:g} s")
        else:
            self._close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, status: int, kind: str, message: str) -> None:
        """Answer what is no request, unless another answer has begun, and end the connection."""
        if self.transport.is_closing():
            return
        if not (self._is_answering() and self.cycle.response_started):
            told = problem(status, kind, message, {**CAUTION, "Content-Security-Policy": NOTHING_RUNS})
            told.headers["Connection"] = "close"
            head = b"".join(b"%s: %s\r\n" % header for header in told.raw_headers)
            self.transport.write(b"%s%s\r\n%s" % (STATUS_LINE[status], head, bytes(told.body)))
        self._close()

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
            self._look_on()

    def _look_on(self) -> None:
        """End the connection unless the client reads."""
        if self._look is None:
            self._look = self.loop.call_later(_LOOK_SECONDS, self._look_at, self.transport.get_write_buffer_size())

    def _look_at(self, before: int) -> None:
        self._look = None
        left = self.transport.get_write_buffer_size()
        if left == 0:
            return
        if before - left < _LEAST_READ * _LOOK_SECONDS:
            _SLOW.note()
            self.transport.abort()
        else:
            self._look_on()

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None
