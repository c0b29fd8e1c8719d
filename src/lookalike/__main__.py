"""``python -m lookalike`` and the ``lookalike`` command."""

from __future__ import annotations

from lookalike.cli.main import app


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    app()


if __name__ == "__main__":
    main()
