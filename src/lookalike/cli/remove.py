"""``lookalike remove``: take items out of the gallery that no source will."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.options import GalleryOption, JsonOption
from lookalike.cli.output import print_json, print_rows, say


def remove(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WHAT...",
            help="Paths, folders, archives, tables, patterns, URLs, hf:NAME[:SPLIT], or id:ID. They need not exist.",
            show_default=False,
        ),
    ] = None,
    where: Annotated[
        str | None, typer.Option(metavar="SQL", help="Only items that match, such as \"folder = 'beach'\".")
    ] = None,
    missing: Annotated[
        bool,
        typer.Option("--missing", help="Only items whose own file is gone; is every disk connected? --dry-run first."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would go, and leave it.")] = False,
    gallery: GalleryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove items from the gallery: those named, or those that match, or both at once. Files are left alone."""
    from lookalike.api.gallery import Gallery
    from lookalike.gallery.location import locate

    target = Gallery(locate(gallery))
    done = target.remove(what or None, where=where, missing=missing, dry_run=dry_run, report=say)
    if as_json:
        print_json({"removed": done.removed, "ids": list(done.ids), "total": done.total})
        return
    if dry_run:
        print_rows([[item] for item in done.ids], ["id"])
        say(f"{len(done.ids):,} of {done.total:,} images would be removed from {target.path}; nothing was")
    else:
        say(f"{done.removed:,} removed; {done.total:,} images in {target.path}")
