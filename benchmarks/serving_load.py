"""Clients of a server, in a process of their own: ``python -m benchmarks.serving_load URL CLIENTS COUNT``.

Reads the requests from standard input, and prints the seconds that each took and those of all as JSON. What is sent is
HTTP/1.1 that was made before, and of an answer only its length is read: the clients share the cores with the server.
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from base64 import b64decode, b64encode
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    Request = tuple[str, bytes, str]


@dataclass(frozen=True)
class Load:
    """Requests that were answered."""

    times: list[float]
    """Seconds of each."""
    seconds: float
    """From the first to the last."""

    @classmethod
    def joined(cls, loads: Sequence[Load]) -> Load:
        """Return several, one after another, as one."""
        return cls([taken for load in loads for taken in load.times], sum(load.seconds for load in loads))

    @property
    def count(self) -> int:
        return len(self.times)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.count / self.seconds

    @property
    def median(self) -> float:
        """In milliseconds."""
        return 1_000 * statistics.median(self.times)

    @property
    def p99(self) -> float:
        """In milliseconds."""
        return 1_000 * sorted(self.times)[int(0.99 * (len(self.times) - 1))]


def load(url: str, requests: Sequence[Request], clients: int, total: int) -> Load:
    """Let clients send the requests in turn, again and again, until so many are answered.

    Raises
    ------
    RuntimeError : if one is not answered with 200.
    """
    command = [sys.executable, "-m", "benchmarks.serving_load", url, str(clients), str(total)]
    lines = "".join(json.dumps([path, b64encode(body).decode(), kind]) + "\n" for path, body, kind in requests)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    return Load(**json.loads(done.stdout))


def _message(host: str, path: str, body: bytes, kind: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _answer(connection: socket.socket) -> bytes:
    """Return a whole answer, by the length that it tells."""
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _more(connection)
    length = next(
        int(line.partition(b":")[2])
        for line in received[:end].split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    while len(received) < end + 4 + length:
        received += _more(connection)
    return received


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(1 << 18)
    if not data:
        raise RuntimeError("the server has closed the connection")
    return data


def main() -> None:
    """Send what standard input says."""
    url, clients, total = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    requests = [(path, b64decode(body), kind) for path, body, kind in map(json.loads, sys.stdin)]
    numbers, times, failures = count(), [], []
    begin = threading.Barrier(clients + 1)

    address = urlsplit(url)
    messages = [_message(address.netloc, *request) for request in requests]

    def ask() -> None:
        with socket.create_connection((address.hostname, address.port), timeout=120) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            begin.wait()
            while (number := next(numbers)) < total and not failures:
                started = time.perf_counter()
                connection.sendall(messages[number % len(messages)])
                answer = _answer(connection)
                times.append(time.perf_counter() - started)
                if not answer.startswith(b"HTTP/1.1 200 "):
                    failures.append(f"{requests[number % len(requests)][0]} is answered {answer[:500]!r}")

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    begin.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if failures or len(times) < total:
        sys.exit("\n".join(failures) or f"{len(times)} of {total} requests were answered")
    print(json.dumps({"times": times, "seconds": seconds}))


if __name__ == "__main__":
    main()
