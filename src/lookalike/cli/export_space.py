"""``lookalike export space``: the gallery as a Hugging Face Space."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.options import GalleryOption, JsonOption
from lookalike.cli.output import BuildProgress, print_json, say


def space(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The new folder to write.")],
    title: Annotated[str, typer.Option(help="What the Space is called.")] = "lookalike",
    without_gallery: Annotated[
        bool, typer.Option("--without-gallery", help="Copy neither gallery nor pictures: the README says where to.")
    ] = False,
    gallery: GalleryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a folder that becomes a Hugging Face Space when it is uploaded: a page to search the gallery with."""
    from lookalike.api.gallery import Gallery
    from lookalike.exports.space import SpaceOptions
    from lookalike.gallery.location import locate

    with BuildProgress("Copying pictures") as progress:
        options = SpaceOptions(title, not without_gallery, progress)
        report = Gallery(locate(gallery)).export_space(output, options)
    if as_json:
        print_json(report.to_dict())
        return
    say(f"{report.folder}: {report.pictures:,} pictures, {report.bytes / 1e6:,.1f} MB; its README.md says what to do")
    if report.left_out and not without_gallery:
        say(f"{report.left_out:,} pictures were left out: they lie elsewhere, or cannot be read any more")
