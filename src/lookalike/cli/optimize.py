"""``lookalike optimize``: what is searched, brought up to date now."""

from __future__ import annotations

from lookalike.cli.options import GalleryOption, JsonOption
from lookalike.cli.output import print_json, say


def optimize(gallery: GalleryOption = None, as_json: JsonOption = False) -> None:
    """Merge the gallery's files, and renew its snapshot and index, which `index` does only when much has changed."""
    from lookalike.api.gallery import Gallery
    from lookalike.gallery.location import locate

    done = Gallery(locate(gallery)).optimize(report=say)
    if as_json:
        print_json(done.to_dict())
        return
    size = f"{done.bytes / 1e6:,.1f} MB"
    say(f"{done.index} over {done.rows:,} images, recall {done.recall:.3f}, {size} ({done.seconds:.1f} s)")
