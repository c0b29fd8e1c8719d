"""The commands."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer

import lookalike

COMMANDS = {
    "index": "index:index",
    "search": "search:search",
    "explain": "explain:explain",
    "map": "map_page:map_gallery",
    "info": "info:info",
    "errors": "errors:errors",
    "models": "models:models",
    "compare": "compare:compare",
    "evaluate": "evaluate:evaluate",
    "duplicates": "duplicates:duplicates",
    "diff": "diff:diff",
    "remove": "remove:remove",
    "tune": "tune:tune",
    "optimize": "optimize:optimize",
    "benchmark": "benchmark:benchmark",
    "serve": "serve:serve",
    "export": "export:app",
    "doctor": "doctor:doctor",
    "demo": "demo:demo",
}
"""Their names, in the order that help lists them, and where they are."""


def _version(value: bool) -> None:
    if value:
        typer.echo(f"lookalike {lookalike.__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Find the images that look alike: index a folder, then ask with a picture."""


def command_line(asked: str | None = None) -> typer.Typer:
    """Return the command line.

    Parameters
    ----------
    asked : the first argument of a call. If it is the name of a command, the others are left out: to import them and to
        read their options takes longer than a search by a running server.
    """
    app = typer.Typer(
        name="lookalike",
        help="Find the images that look alike: index a folder, then ask with a picture.",
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in [asked] if asked in COMMANDS else COMMANDS:
        module, _, attribute = COMMANDS[name].partition(":")
        command: Any = getattr(import_module(f"lookalike.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app
