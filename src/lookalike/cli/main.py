"""The commands."""

from __future__ import annotations

from typing import Annotated

import typer

import lookalike
from lookalike.cli import (
    benchmark,
    compare,
    demo,
    diff,
    doctor,
    duplicates,
    errors,
    evaluate,
    explain,
    export,
    index,
    info,
    map_page,
    models,
    optimize,
    remove,
    search,
    serve,
    tune,
)

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
app.command("explain")(explain.explain)
app.command("map")(map_page.map_gallery)
app.command("info")(info.info)
app.command("errors")(errors.errors)
app.command("models")(models.models)
app.command("compare")(compare.compare)
app.command("evaluate")(evaluate.evaluate)
app.command("duplicates")(duplicates.duplicates)
app.command("diff")(diff.diff)
app.command("remove")(remove.remove)
app.command("tune")(tune.tune)
app.command("optimize")(optimize.optimize)
app.command("benchmark")(benchmark.benchmark)
app.command("serve")(serve.serve)
app.add_typer(export.app, name="export")
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
