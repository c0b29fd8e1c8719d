"""One call of the command line: what it raises becomes one sentence and an exit code."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import typer

from lookalike.cli.main import command_line
from lookalike.cli.output import print_json, say_error
from lookalike.cli.streams import OutputError, abandon_output, prepare
from lookalike.errors import LookalikeError

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED = 1
USER_MISTAKE = 2
BY_SIGNAL = 128
"""Added to the number of the signal that ended a process, as shells do."""
_SIGPIPE = 13  # a name that Windows lacks

_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""The base of what the parser raises; typer gives only this subclass a public name."""
_INDEXING = ("index", "demo")


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code: 0 done, 2 the user's mistake, 128 + n ended by signal n.

    Parameters
    ----------
    arguments : those after the program's name. With ``--json`` among them a failure is also printed as a JSON object
        ``{"error": {"type": ..., "message": ...}}`` on standard output.

    Notes
    -----
    A ``KeyboardInterrupt`` may hold the number of the signal that it stands for, otherwise SIGINT.
    """
    prepare()
    try:
        code = _answer(arguments or ["--help"])
        sys.stdout.flush()
    except OutputError as error:
        abandon_output()
        if error.is_broken_pipe:  # the reader has what it wanted
            return BY_SIGNAL + _SIGPIPE
        say_error(str(error))
        return FAILED
    return code


def _answer(arguments: Sequence[str]) -> int:
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    as_json = "--json" in options
    try:
        return _invoke(arguments)
    except LookalikeError as error:
        return _fail(USER_MISTAKE, type(error).__name__, str(error), as_json=as_json)
    except _UsageError as error:
        return _fail(USER_MISTAKE, "UsageError", _usage(error), as_json=as_json)
    except typer.Abort:
        return _fail(FAILED, "Aborted", "aborted", as_json=as_json)
    except KeyboardInterrupt as error:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second one ends what is left to do
        number = error.args[0] if error.args else signal.SIGINT
        name, what = ("Interrupted", "interrupted") if number == signal.SIGINT else ("Terminated", "terminated")
        if arguments[0] in _INDEXING:
            what += "; what was indexed is kept, and the same command goes on from there"
        return _fail(BY_SIGNAL + number, name, what, as_json=as_json)


def _invoke(arguments: Sequence[str]) -> int:
    command = typer.main.get_command(command_line(arguments[0]))
    try:
        # not app(), which answers an interruption and a mistake in its own ways
        with command.make_context("lookalike", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as done:
        return int(done.exit_code)
    return 0


def _fail(code: int, kind: str, message: str, *, as_json: bool) -> int:
    say_error(message)
    if as_json:
        print_json({"error": {"type": kind, "message": message}})
    return code


def _usage(error: Exception) -> str:
    message = str(getattr(error, "format_message", error.__str__)()).rstrip(".")
    command = getattr(getattr(error, "ctx", None), "command_path", "lookalike")
    return f"{message[:1].lower()}{message[1:]}; see {command} --help"
