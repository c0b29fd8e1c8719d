"""``lookalike explain``: which parts of two pictures make them alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.options import DeviceOption, GalleryOption, JsonOption, TrustOption
from lookalike.cli.output import draw, print_json, print_rows, say


def explain(
    query: Annotated[
        str,
        typer.Argument(metavar="QUERY", help="An image file, an http(s) URL, or id:ID of an item.", show_default=False),
    ],
    item: Annotated[
        str, typer.Argument(metavar="ID", help="Of an item of the gallery, as search prints it.", show_default=False)
    ],
    crop: Annotated[
        str | None,
        typer.Option(metavar="X,Y,W,H", help="Explain with this part of the query, in pixels or in fractions."),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Write both pictures under their heat maps.")
    ] = None,
    gallery: GalleryOption = None,
    device: DeviceOption = "auto",
    trust_remote_code: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show which parts of a query and of an item make the encoder find them alike."""
    from lookalike.api.encoder_choice import EncoderChoice
    from lookalike.api.explanation import SAVED_AS
    from lookalike.api.gallery import Gallery
    from lookalike.encoders.loading import EncoderOptions
    from lookalike.exports.destination import saved_path
    from lookalike.gallery.location import locate
    from lookalike.images.region import Region

    region = None if crop is None else Region.of(crop)
    if save is not None:
        save = saved_path(save, SAVED_AS)
    choice = EncoderChoice(options=EncoderOptions(device=device, trust_remote_code=trust_remote_code))
    target = Gallery(locate(gallery), choice)
    asked = query if region is None else target.resolver().parse(query).cropped(region)
    found = target.explain(asked, item)
    if save is not None:
        found.save(save)
        say(f"saved {save}")
    if target.notice:
        say(f"note: {target.notice}")
    if as_json:
        print_json({"gallery": str(target.path), **found.to_dict()})
        return
    print_rows([[f"{found.score:.4f}", found.method, found.query, found.hit.id]], ["score", "method", "query", "id"])
    if save is None and not draw(found.image()):
        say("this terminal cannot show pictures; use --save FILE.png")
