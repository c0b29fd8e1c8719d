"""HTTP/1.1 on a connection, by the parser of Node.js (https://github.com/MagicStack/httptools); heads are bounded."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD_BYTES = 1 << 15


class HttpProtocol(HttpToolsProtocol):
    """Parses requests; a head that does not end in time is refused, for the parser would keep all that comes of it."""

    _head = 0
    """Bytes that have come since the last request was whole, of its body too until that begins."""
    _is_in_head = True

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._head += len(data) if self._is_in_head else 0
        super().data_received(data)
        if self._is_in_head and self._head > _HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"the head of the request has more than {_HEAD_BYTES} bytes")

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        self._is_in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for the next head."""
        self._head, self._is_in_head = 0, True
        super().on_message_complete()
