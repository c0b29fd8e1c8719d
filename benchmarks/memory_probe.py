"""The process whose memory :mod:`benchmarks.memory` measures: indexes one folder and prints its peaks as JSON."""

from __future__ import annotations

import json
import re
import sys
import threading
from pathlib import Path

import lookalike
from lookalike.evaluation.memory import peak_bytes

_SECONDS = 0.01
_ANONYMOUS = re.compile(r"^RssAnon:\s+(\d+) kB$", re.MULTILINE)


class Sampler:
    """Follows the anonymous memory of this process: the part that is no mapped file."""

    def __init__(self) -> None:
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def found(self) -> dict[str, int | None]:
        """Return the peaks of this process, in bytes."""
        return {"peak": peak_bytes(), "anonymous": self.peak}

    def _run(self) -> None:
        while not self._stop.wait(_SECONDS):
            found = _ANONYMOUS.search(Path("/proc/self/status").read_text())
            self.peak = max(self.peak, int(found[1]) * 1024 if found else 0)


def main() -> None:
    """Index ``SOURCE`` into ``GALLERY``."""
    source, gallery = sys.argv[1:]
    with Sampler() as sampler:
        report = lookalike.open(gallery).add(source)
    print(json.dumps({"embedded": report.embedded, **sampler.found()}))


if __name__ == "__main__":
    main()
