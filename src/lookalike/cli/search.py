"""``lookalike search``: ask a gallery with pictures."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.cli.options import (
    DeviceOption,
    ExactOption,
    GalleryOption,
    JsonOption,
    MaxBytesOption,
    MaxPixelsOption,
    PrecisionOption,
    RuntimeOption,
    TrustOption,
)
from lookalike.cli.output import on_one_line, print_json, print_rows, say

if TYPE_CHECKING:
    from lookalike.api.hits import Hits
    from lookalike.search.hit import Hit

_QUERIES = "Image files, http(s) URLs, id:ID for an item of the gallery, or words where the encoder has a text side."
_HIDDEN = ("width", "height")
"""Attributes that the table leaves out; JSON has them all."""


def search(
    queries: Annotated[
        list[str],
        typer.Argument(metavar="QUERY...", help=_QUERIES, show_default=False),
    ],
    k: Annotated[int, typer.Option("-k", help="How many hits to find, at least 1.")] = 10,
    gallery: GalleryOption = None,
    where: Annotated[
        str | None, typer.Option(metavar="SQL", help="Only items that match, such as \"folder = 'beach'\".")
    ] = None,
    min_score: Annotated[float | None, typer.Option(metavar="X", help="Leave out hits that score less.")] = None,
    metric: Annotated[str, typer.Option(help="cosine, inner-product or l2.")] = "cosine",
    include_self: Annotated[
        bool, typer.Option("--include-self", help="Keep the query among its hits if it is an item of the gallery.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a contact sheet (.png) or a page (.html).")
    ] = None,
    open_saved: Annotated[bool, typer.Option("--open", help="Open the saved file, or a page made for it.")] = False,
    preview: Annotated[bool, typer.Option("--preview", "-p", help="Draw the hits in the terminal.")] = False,
    exact_preprocessing: ExactOption = False,
    precision: PrecisionOption = "auto",
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "auto",
    trust_remote_code: TrustOption = False,
    max_pixels: MaxPixelsOption = 200_000_000,
    max_bytes: MaxBytesOption = 200_000_000,
    as_json: JsonOption = False,
) -> None:
    """Find the images that are most alike to each query, best first."""
    from lookalike.api.encoder_choice import EncoderChoice
    from lookalike.api.gallery import Gallery
    from lookalike.api.gallery_tools import as_metric
    from lookalike.api.hits import save_hits, saved_path
    from lookalike.encoders.loading import EncoderOptions, preprocessing_named
    from lookalike.gallery.location import locate
    from lookalike.images.decode import Limits
    from lookalike.mobile.suffixes import is_searcher
    from lookalike.search.searcher import SearchOptions, checked_k

    # what needs no gallery is checked first, since loading one and its encoder takes a while
    narrowed = SearchOptions(as_metric(metric), where, min_score)
    k = checked_k(k)
    if save is not None:
        save = saved_path(save)
    preprocessing = preprocessing_named("auto", exact=exact_preprocessing)
    chosen = EncoderOptions("auto", preprocessing, precision, device, trust_remote_code, runtime=runtime)
    choice = EncoderChoice(options=chosen)
    limits = Limits(max_pixels=max_pixels, max_bytes=max_bytes)
    target: Gallery | PhoneSearcher
    if gallery is not None and is_searcher(gallery):
        from lookalike.api.phone import PhoneSearcher

        target = PhoneSearcher(gallery, limits=limits)
    else:
        target = Gallery(locate(gallery), choice, limits=limits)
    answers = target.search_batch(queries, k, narrowed, include_self=include_self)
    # saved before anything is printed: JSON on standard output is either the answer or an error
    written = save_hits(answers, save or _page_to_open()) if save is not None or open_saved else None
    if target.notice:
        say(f"note: {target.notice}")
    if as_json:
        found = [_as_dict(hits, str(target.path)) for hits in answers]
        print_json(found[0] if len(found) == 1 else found)
    else:
        for hits in answers:
            _show(hits, is_one_of_many=len(answers) > 1)
    if preview:
        _preview(answers)
    if written is not None:
        say(f"saved {written}")
        if open_saved:
            typer.launch(str(written))


def _as_dict(hits: Hits, gallery: str) -> dict[str, Any]:
    return {
        "gallery": gallery,
        "query": hits.query,
        "exact": hits.is_exact,
        "index": hits.method.index,
        "recall": round(hits.method.recall, 4),
        "seconds": round(hits.seconds, 4),
        "hits": [hit.to_dict() for hit in hits],
    }


def _show(hits: Hits, *, is_one_of_many: bool) -> None:
    if is_one_of_many:
        say(f"{on_one_line(hits.query)}:")
    if not hits:
        say("no hits")
        return
    if not hits.is_exact:
        say(f"found by the index {hits.method.index}, which finds {hits.method.recall:.1%} of the true nearest")
    rows = [[str(hit.rank), f"{hit.score:.4f}", _path(hit), hit.id, _attributes(hit)] for hit in hits]
    print_rows(rows, ["rank", "score", "image", "id", "attributes"], right=["rank", "score"])


def _path(hit: Hit) -> str:
    """Return the path as seen from here if that is shorter."""
    path = Path(hit.uri)
    if not path.is_absolute():
        return hit.uri
    try:
        here = os.path.relpath(path)
    except ValueError:  # on another drive of Windows
        return hit.uri
    return here if len(here) < len(hit.uri) else hit.uri


def _attributes(hit: Hit) -> str:
    return ", ".join(f"{name}={value}" for name, value in hit.attributes.items() if name not in _HIDDEN)


def _preview(answers: list[Hits]) -> None:
    from lookalike.exports.terminal import preview as drawn

    columns = shutil.get_terminal_size().columns
    for hits in answers:
        picture = drawn(hits.image(), columns=columns, environ=os.environ, stream_is_tty=sys.stderr.isatty())
        if picture is None:
            say("this terminal cannot show pictures; use --save FILE.png or --save FILE.html")
            return
        sys.stderr.write(picture + "\n")


def _page_to_open() -> Path:
    import tempfile

    return Path(tempfile.mkdtemp(prefix="lookalike-")) / "hits.html"
