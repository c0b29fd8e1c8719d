"""``lookalike info``: what a gallery holds."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lookalike.cli.options import GalleryOption, JsonOption
from lookalike.cli.output import print_json, print_rows
from lookalike.errors import InputError


def info(
    searcher: Annotated[
        str | None, typer.Argument(metavar="SEARCHER", help="A .tflite file of `export tflite`.", show_default=False)
    ] = None,
    gallery: GalleryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the gallery holds, the encoder that made it, and its size on disk; or what a searcher for phones is."""
    from lookalike.mobile.suffixes import is_searcher

    named = searcher or gallery
    if named is not None and is_searcher(named):
        _show_searcher(named, as_json=as_json)
    elif searcher is not None:
        msg = f"{searcher} is no .tflite file; name a gallery with --gallery {searcher}"
        raise InputError(msg)
    else:
        _show_gallery(gallery, as_json=as_json)


def _show_searcher(path: str, *, as_json: bool) -> None:
    from lookalike.api.phone import PhoneSearcher

    values = PhoneSearcher(path).info()
    if as_json:
        print_json(values)
        return
    recall, encoder = values["recall"], values["encoder"]
    rows = [
        ["searcher", values["searcher"]],
        ["images", f"{values['rows']:,}"],
        ["model", f"{values['model']}, {values['input']['width']}x{values['input']['height']}, {values['dim']}-d"],
        ["encoder of the gallery", encoder["name"] if encoder else "not noted"],
        ["index", values["index"] or "not noted"],
        ["recall", f"recall@{recall['k']} {recall['value']:.3f}" if recall else "not noted"],
        ["partitions", f"{values['partitions']:,}"],
        ["a row is kept in", f"{values['codes']:,} codes" if values["codes"] else "floats"],
        ["on disk", f"{values['bytes'] / 1e6:,.1f} MB"],
    ]
    print_rows(rows, ["", ""])


def _show_gallery(gallery: str | None, *, as_json: bool) -> None:
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
