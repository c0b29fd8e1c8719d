"""``lookalike info``: what a gallery holds."""

from __future__ import annotations

from lookalike.cli.options import GalleryOption, JsonOption
from lookalike.cli.output import print_json, print_rows


def info(gallery: GalleryOption = None, as_json: JsonOption = False) -> None:
    """Show what the gallery holds, the encoder that made it, and its size on disk."""
    from lookalike.api.gallery import Gallery
    from lookalike.gallery.location import locate

    target = Gallery(locate(gallery))
    store = target.store
    spec = target.spec
    values = {
        "gallery": str(target.path),
        "total": len(store),
        "failed": len(target.failures()),
        "encoder": spec.to_dict(),
        "attributes": store.attributes,
        "format": store.manifest.format,
        "version": store.version,
        "bytes": store.nbytes(),
    }
    if as_json:
        print_json(values)
        return
    rows = [
        ["gallery", str(target.path)],
        ["images", f"{len(store):,}"],
        ["could not be indexed", f"{values['failed']:,}"],
        ["encoder", str(spec)],
        ["pooling", f"{spec.pooling} ({spec.pooling_reason})" if spec.pooling_reason else spec.pooling],
        ["preprocessing", spec.preprocessing],
        ["attributes", ", ".join(store.attributes)],
        ["on disk", f"{store.nbytes() / 1e6:,.1f} MB"],
        ["format, version", f"{store.manifest.format}, {store.version}"],
    ]
    print_rows(rows, ["", ""])
