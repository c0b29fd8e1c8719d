"""``lookalike errors``: what could not be indexed."""

from __future__ import annotations

from lookalike.cli.options import GalleryOption, JsonOption
from lookalike.cli.output import print_json, print_rows, say


def errors(gallery: GalleryOption = None, as_json: JsonOption = False) -> None:
    """List what could not be indexed, and why: images, tried again when they change, and folders, tried every time."""
    from lookalike.api.gallery import Gallery
    from lookalike.gallery.location import locate

    items = Gallery(locate(gallery)).failures()
    if as_json:
        failed = [
            {"id": i.id, "uri": i.uri, "reason": i.reason, "when": i.when.isoformat() if i.when else None}
            for i in items
        ]
        print_json({"failed": failed})
    elif items:
        print_rows([[item.uri, item.reason] for item in items], ["item", "reason"])
    else:
        say("every image could be indexed")
