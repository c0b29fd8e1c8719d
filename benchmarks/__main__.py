"""Run every benchmark, each in a process of its own, and write the report: ``python -m benchmarks``."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.report import ORDER


def main() -> None:
    """Run them in the order of the report."""
    for name in (*ORDER, "report"):
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)


if __name__ == "__main__":
    main()
