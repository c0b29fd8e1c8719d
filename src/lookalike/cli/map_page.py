"""``lookalike map``: the gallery as a page on which like images lie together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.options import GalleryOption, JsonOption
from lookalike.cli.output import BuildProgress, print_json, print_rows, say


def map_gallery(
    output: Annotated[Path, typer.Option(metavar="FILE.html", help="The page to write.")] = Path("map.html"),
    label_from: Annotated[
        str | None,
        typer.Option(
            metavar="parent|COLUMN",
            help="Group images by the folder's name or an attribute. Default: label, else groups of like images.",
        ),
    ] = None,
    most: Annotated[
        int, typer.Option("--most", metavar="N", min=1, help="Of a larger gallery, show a sample of so many.")
    ] = 10_000,
    open_saved: Annotated[bool, typer.Option("--open", help="Open the page.")] = False,
    gallery: GalleryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a page with a map of the gallery, to move about in: like images lie together."""
    from lookalike.api.gallery import Gallery
    from lookalike.api.map import MapOptions
    from lookalike.gallery.location import locate

    with BuildProgress("Reading pictures") as progress:
        options = MapOptions(label_from, most, progress=progress)
        report = Gallery(locate(gallery)).map(output, options)
    say(f"saved {report.path}, {report.bytes / 1e6:.1f} MB: {report.shown:,} of {report.total:,} images")
    if report.unreadable:
        say(f"{report.unreadable:,} pictures cannot be read any more, and are shown as dots")
    if as_json:
        print_json(report.to_dict())
    else:
        print_rows(
            [[name, f"{count:,}"] for name, count in report.groups.items()], ["group", "images"], right=["images"]
        )
    if open_saved:
        typer.launch(str(report.path))
