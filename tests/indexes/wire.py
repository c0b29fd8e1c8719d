"""A connection that can be cut: what comes to its port goes on to a server's, and comes back."""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class Wire:
    """Passes on what clients and a server say to each other, until it is cut or held."""

    def __init__(self, address):
        parts = urlsplit(address)
        self._target = (parts.hostname, parts.port)
        self._flows = threading.Event()
        self._flows.set()
        self.connections = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self._accept()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()
        self.cut()

    def cut(self):
        """Close all connections and refuse new ones."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self.connections:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.connections.clear()

    def mend(self):
        """Take connections again, at the same address."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._accept()

    def hold(self):
        """Let nothing through, as a server does that hangs."""
        self._flows.clear()

    def release(self):
        """Let everything through again."""
        self._flows.set()

    def _accept(self):
        threading.Thread(target=self._take, args=(self._listener,), daemon=True).start()

    def _take(self, listener):
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
                self.connections += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source, target):
        with contextlib.suppress(OSError), source:
            while data := source.recv(1 << 16):
                self._flows.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
