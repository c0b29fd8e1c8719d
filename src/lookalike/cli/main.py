"""The commands."""

from __future__ import annotations

from typing import Annotated

import typer

import lookalike
from lookalike.cli import benchmark, compare, demo, doctor, errors, export, index, info, models, remove, search, tune

app = typer.Typer(
    name="lookalike",
    help="Find the images that look alike: index a folder, then ask with a picture.",
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
app.command("models")(models.models)
app.command("compare")(compare.compare)
app.command("remove")(remove.remove)
app.command("tune")(tune.tune)
app.command("benchmark")(benchmark.benchmark)
app.add_typer(export.app, name="export")
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
