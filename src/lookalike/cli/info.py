"""``lookalike info``: what a gallery holds."""

from __future__ import annotations

from typing import Any

from lookalike.cli.options import GalleryOption, JsonOption
from lookalike.cli.output import print_json, print_rows


def info(gallery: GalleryOption = None, as_json: JsonOption = False) -> None:
    """Show what the gallery holds, the encoder that made it, and its size on disk."""
    from lookalike.api.gallery import Gallery
    from lookalike.gallery.location import locate
    from lookalike.images.tiling import TILES
    from lookalike.search.upkeep import index_in_use

    target = Gallery(locate(gallery))
    store = target.store
    spec = target.spec
    values: dict[str, Any] = {
        "gallery": str(target.path),
        "total": len(store),
        "failed": len(target.failures()),
        "encoder": spec.to_dict(),
        "attributes": store.attributes,
        "index": index_in_use(store),
        "tiles": store.location.tiles.exists(),
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
        ["index", _index(values["index"])],
        ["tiles", f"{TILES} of each picture" if values["tiles"] else "none"],
        ["on disk", f"{store.nbytes() / 1e6:,.1f} MB"],
        ["format, version", f"{store.manifest.format}, {store.version}"],
    ]
    print_rows(rows, ["", ""])


def _index(found: dict[str, Any]) -> str:
    if found["index"] == "exact":
        planned = found["plan"] not in ("auto", "exact")
        return f"exact; {found['plan']} is not built" if planned else "exact"
    return f"{found['index']} (recall {found['recall']:.3f}, {found['bytes'] / 1e6:,.1f} MB)"
