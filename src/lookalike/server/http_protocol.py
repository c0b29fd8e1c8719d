"""HTTP/1.1 on a connection, by the parser of Node.js (https://github.com/MagicStack/httptools); heads are bounded."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD_BYTES = 1 << 15
_MOST_AHEAD = 16
"""Requests that a client may send before those ahead of them are answered."""


class HttpProtocol(HttpToolsProtocol):
    """Parses requests; heads and trailers that do not end are refused, for the parser would keep all that comes."""

    _kept = 0
    """Bytes that have come since the parser last handed on a head, a part of a body or its end."""

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._kept += len(data)
        super().data_received(data)
        if self._kept > _HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"the head of the request has more than {_HEAD_BYTES} bytes")

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        self._kept = 0
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
        super().on_message_complete()
