"""``python -m lookalike`` and the ``lookalike`` command."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; the process ends with its exit code."""
    try:
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _interrupt)
        # imported here, so that an interruption meanwhile is answered as well
        from lookalike.cli.run import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt as error:
        number = error.args[0] if error.args else signal.SIGINT
        if sys.stderr is not None:
            sys.stderr.write(f"error: {'interrupted' if number == signal.SIGINT else 'terminated'}\n")
        code = 128 + number
    sys.exit(code)


def _interrupt(number: int, _frame: object) -> NoReturn:
    """End as Ctrl-C does: all that is open is closed, and what is done is kept."""
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    main()
