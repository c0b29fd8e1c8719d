"""Clients of a server, in a process of their own: ``python -m benchmarks.serving_load URL CLIENTS COUNT``.

Reads the requests from standard input, and prints the seconds that each took and those of all as JSON.
"""

from __future__ import annotations

import http.client
import json
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


def main() -> None:
    """Send what standard input says."""
    url, clients, total = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    requests = [(path, b64decode(body), kind) for path, body, kind in map(json.loads, sys.stdin)]
    numbers, times, failures = count(), [], []
    begin = threading.Barrier(clients + 1)

    def ask() -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        connection.connect()
        begin.wait()
        while (number := next(numbers)) < total and not failures:
            path, body, kind = requests[number % len(requests)]
            started = time.perf_counter()
            connection.request("POST", path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            told = answer.read()
            times.append(time.perf_counter() - started)
            if answer.status != 200:
                failures.append(f"{path} is answered {answer.status}: {told[:500]!r}")

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
