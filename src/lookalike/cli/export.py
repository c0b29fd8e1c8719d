"""``lookalike export``: a gallery in other forms."""

from __future__ import annotations

import typer

from lookalike.cli import export_space

app = typer.Typer(help="Write the gallery in another form.")


@app.callback()
def _forms() -> None:
    """Write the gallery in another form."""


app.command("space")(export_space.space)
