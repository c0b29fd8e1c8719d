"""Index a folder slowly, to be killed: ``python -m tests.e2e.runs GALLERY SOURCE SECONDS_PER_IMAGE``.

Prints one line of JSON for each thing that happens.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

import lookalike
from lookalike.building import writer
from lookalike.building.build import BuildOptions
from tests.toys import ToyEncoder

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS_PER_COMMIT = 20
ROOT = Path(__file__).resolve().parents[2]


class Told:
    """Prints how a run goes on."""

    def expect(self, items: int) -> None:
        say(expect=items)

    def advance(self, items: int, failed: int) -> None:
        say(done=items - failed)

    def waiting(self, holder: str) -> None:
        say(waiting=holder)

    def note(self, text: str) -> None:
        pass


def say(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def main(gallery: str, source: str, seconds_per_image: str) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background inherit that it is ignored
    writer._ROWS = ROWS_PER_COMMIT  # so that a short run has many commits
    encoder = ToyEncoder(seconds_per_image=float(seconds_per_image))
    try:
        report = lookalike.open(gallery, encoder=encoder).add(source, BuildOptions(workers=2, progress=Told()))
    except KeyboardInterrupt:
        say(interrupted=True)
        return
    say(report={"added": report.added, "unchanged": report.unchanged, "total": report.total}, embedded=encoder.images)


class Run:
    """Such a process, seen from outside."""

    def __init__(self, gallery: Path, source: Path, *, seconds_per_image: float = 0.002) -> None:
        command = [sys.executable, "-m", "tests.e2e.runs", str(gallery), str(source), str(seconds_per_image)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.done = 0

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield what it prints until it ends."""
        output: IO[str] = self.process.stdout  # type: ignore[assignment]
        for line in output:
            if line.endswith("\n"):  # its last may have been cut off by a kill
                event = json.loads(line)
                self.done += event.get("done", 0)
                yield event

    def until(self, name: str) -> Any:
        """Return the first value of that name that it prints."""
        return next(event[name] for event in self.events() if name in event)

    def finish(self) -> dict[str, Any]:
        """Wait for its end and return its report."""
        report = self.until("report")
        self.close()
        assert self.process.returncode == 0
        return report

    def kill(self) -> None:
        """End it as nothing can be caught, if it has not ended."""
        self.process.kill()
        if not self.process.stdout.closed:
            self.close()

    def close(self) -> str:
        """Wait for its end and return what it said of errors."""
        output, errors = self.process.communicate(timeout=60)
        self.done += sum(
            json.loads(line).get("done", 0) for line in output.splitlines(keepends=True) if line[-1] == "\n"
        )
        return errors


def contents(gallery: Path) -> dict[str, tuple[Any, ...]]:
    """Return all that a gallery holds of each item, and check that it holds each once."""
    store = lookalike.open(gallery).store
    columns = ["id", "uri", "digest", "folder", "width", "embedding"]
    rows = [row for batch in store.scan(columns) for row in batch.select(columns).to_pylist()]
    found = {row.pop("id"): (np.array(row.pop("embedding"), np.float32).tobytes(), *row.values()) for row in rows}
    assert len(found) == len(rows)
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
