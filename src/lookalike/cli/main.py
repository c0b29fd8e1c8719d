"""The commands, and what their errors exit with."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import lookalike
from lookalike.cli import demo, doctor, errors, index, info, remove, search
from lookalike.cli.output import say_error
from lookalike.errors import LookalikeError

USER_MISTAKE = 2
INTERRUPTED = 130


class _Commands(TyperGroup):
    """Turns what a command raises into one sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except LookalikeError as error:
            say_error(str(error))
            raise typer.Exit(USER_MISTAKE) from error
        except KeyboardInterrupt as error:
            say_error("interrupted; what was indexed is kept, and the same command goes on from there")
            raise typer.Exit(INTERRUPTED) from error


app = typer.Typer(
    cls=_Commands,
    name="lookalike",
    help="Find the images that look alike: index a folder, then ask with a picture.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"lookalike {lookalike.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Find the images that look alike: index a folder, then ask with a picture."""


app.command("index")(index.index)
app.command("search")(search.search)
app.command("info")(info.info)
app.command("errors")(errors.errors)
app.command("remove")(remove.remove)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
