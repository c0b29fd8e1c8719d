"""``lookalike tune``: the index that reaches a recall on the user's own images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.options import GalleryOption, JsonOption
from lookalike.cli.output import print_json, say

if TYPE_CHECKING:
    from lookalike.indexes.tuning import Tuned


def tune(
    recall: Annotated[float, typer.Option(help="The share of the true nearest images that a search finds.")] = 0.98,
    k: Annotated[int, typer.Option("-k", min=1, help="Of how many nearest images.")] = 10,
    latency: Annotated[
        float | None, typer.Option(metavar="MS", help="At most so many milliseconds for one query, at the median.")
    ] = None,
    memory: Annotated[float | None, typer.Option(metavar="MB", help="At most so large an index.")] = None,
    index_specs: Annotated[
        list[str] | None,
        typer.Option("--index", metavar="SPEC", help="Choose among these: ivfpq, hnsw, lsh:bits=8,tables=10, ..."),
    ] = None,
    gallery: GalleryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the fastest index that reaches a recall, measured on the gallery's own images, and search with it.

    Exits with 1 if none reaches what was asked for; the gallery is then searched with the nearest to it.
    """
    from lookalike.api.gallery import Gallery
    from lookalike.gallery.location import locate
    from lookalike.indexes.tuning import Goal

    goal = Goal(recall, k, None if latency is None else latency / 1e3, None if memory is None else round(memory * 1e6))
    tuned = Gallery(locate(gallery)).tune(goal, specs=index_specs or (), report=say)
    if as_json:
        print_json(tuned.to_dict())
    else:
        _show(tuned)
    if not tuned.reaches:
        say("this is the nearest to what was asked for; allow more time or memory, or less recall, to reach it")
        raise typer.Exit(1)


def _show(tuned: Tuned) -> None:
    found = tuned.to_dict()
    settings = ", ".join(f"{name} {value:g}" for name, value in tuned.parameters.items())
    measured = f"recall@{tuned.k} {tuned.recall:.3f} over {tuned.queries} images, {found['latency_ms']:.2f} ms a query"
    say(f"{found['index']}{f' ({settings})' if settings else ''}: {measured}, {found['bytes'] / 1e6:,.1f} MB")
