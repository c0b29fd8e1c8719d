"""``python -m lookalike`` and the ``lookalike`` command."""

from __future__ import annotations

import io
import sys

from lookalike.cli.main import app


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal's encoding lacks
    app()


if __name__ == "__main__":
    main()
