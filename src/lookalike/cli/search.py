"""``lookalike search``: ask a gallery with pictures."""

from __future__ import annotations

import os
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
from lookalike.cli.output import console, draw, on_one_line, print_json, print_rows, say, show_failures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lookalike.api.gallery import Gallery
    from lookalike.api.hits import Hits
    from lookalike.building.report import Failure
    from lookalike.cli.warm import WarmHits
    from lookalike.search.hit import Hit

_QUERIES = (
    "Image files, http(s) URLs, id:ID for an item of the gallery, or words where the encoder has a text side; several "
    "of these as one query, such as 'beach.jpg + \"sunset\" - 0.5:people'; each picture of a folder (photos/) or of a "
    "data set (hf:NAME[:SPLIT])."
)
_HIDDEN = ("width", "height")
"""Attributes that the table leaves out; JSON has them all."""
_TOLD = ("strength", "copies")
"""Columns that are there where the gallery knows them."""


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
    min_score: Annotated[
        str | None, typer.Option(metavar="X", help="Leave out hits that score less; auto: those that are weak.")
    ] = None,
    metric: Annotated[str, typer.Option(help="cosine, inner-product or l2.")] = "cosine",
    include_self: Annotated[
        bool, typer.Option("--include-self", help="Keep the query among its hits if it is an item of the gallery.")
    ] = False,
    crop: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,W,H",
            help="Ask with this part of the picture, in pixels, or in fractions: 0,0,0.5,1 is its left.",
        ),
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="Find the least alike, these first.")] = False,
    tiles: Annotated[
        bool, typer.Option("--tiles/--no-tiles", help="Compare with parts of pictures too, if they were indexed so.")
    ] = True,
    exclude: Annotated[list[str] | None, typer.Option(metavar="ID", help="Leave out that item; repeatable.")] = None,
    collapse: Annotated[
        bool, typer.Option("--collapse", help="Fold copies and near-duplicates of a better hit into that.")
    ] = False,
    diversity: Annotated[
        float | None, typer.Option(metavar="X", help="From 0 to 1: how much hits should differ from each other.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="ATTRIBUTE", help="Put the k best hits in its order; -ATTRIBUTE: descending.")
    ] = None,
    expand: Annotated[
        str | None,
        typer.Option(metavar="WAY", help="Rank with more than the query: its best neighbours, or crops."),
    ] = None,
    rerank: Annotated[
        str | None, typer.Option(metavar="WAY", help="Rank the best hits anew: centred, whitened or augmented.")
    ] = None,
    cursor: Annotated[
        str | None,
        typer.Option(metavar="CURSOR", help="start for the first page; for the next, what a page says."),
    ] = None,
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
    shows_pictures = save is not None or open_saved or preview
    has_own_encoder = exact_preprocessing or trust_remote_code or (precision, runtime, device) != ("auto",) * 3
    least = _number_or_word(min_score)
    has_own_limits = (max_pixels, max_bytes) != (200_000_000, 200_000_000)
    left_out = tuple(item.removeprefix("id:") for item in exclude or ())
    from lookalike.mobile.suffixes import is_searcher

    searcher = gallery if gallery is not None and is_searcher(gallery) else None
    if not (shows_pictures or has_own_encoder or has_own_limits or searcher is not None):
        shaped = {"expand": expand, "rerank": rerank, "collapse": collapse, "diversity": diversity, "sort": sort}
        narrowed = {"metric": metric, "where": where, "min_score": least, "exclude": left_out, "cursor": cursor}
        options = {**narrowed, **shaped, "reverse": reverse, "tiles": tiles}
        told = {"k": k, "crop": crop, "include_self": include_self, "options": options}
        if _answer_warm(queries, gallery, told, as_json=as_json):
            return
    from lookalike.api.batches import Batch, is_collection
    from lookalike.api.encoder_choice import EncoderChoice
    from lookalike.api.gallery import Gallery
    from lookalike.api.hits import SAVED_AS, save_hits
    from lookalike.encoders.loading import EncoderOptions, preprocessing_named
    from lookalike.exports.destination import saved_path
    from lookalike.gallery.location import locate
    from lookalike.images.decode import Limits
    from lookalike.images.region import Region
    from lookalike.metric import as_metric
    from lookalike.search.options import SearchOptions, checked_k

    # what needs no gallery is checked first, since loading one and its encoder takes a while
    asked = SearchOptions(
        as_metric(metric), where, least, left_out, expand, rerank, collapse, diversity, sort, cursor, reverse, tiles
    )
    region = None if crop is None else Region.of(crop)
    k = checked_k(k)
    if save is not None:
        save = saved_path(save, SAVED_AS)
    preprocessing = preprocessing_named("auto", exact=exact_preprocessing)
    chosen = EncoderOptions("auto", preprocessing, precision, device, trust_remote_code, runtime=runtime)
    choice = EncoderChoice(options=chosen)
    limits = Limits(max_pixels=max_pixels, max_bytes=max_bytes)
    failed: list[Failure] = []
    target: Gallery | PhoneSearcher
    answers: Iterable[Hits]
    if searcher is not None:
        from lookalike.api.phone import PhoneSearcher

        target = PhoneSearcher(searcher, limits=limits)
        is_one, answers = len(queries) == 1, target.search_batch(queries, k, asked, crop=region)
    else:
        target = Gallery(locate(gallery), choice, limits=limits)
        _tell_unknown(name for name in left_out if not target.store.has(name))
        batch = Batch(target, k, asked, region, include_self, failed.append)
        is_one = len(queries) == 1 and not is_collection(queries[0])
        answers = batch.to_texts(queries)
    if not is_one and (as_json or shows_pictures):
        answers = _counted(answers)
    # saved before anything is printed: JSON on standard output is either the answer or an error
    kept = list(answers) if shows_pictures else None
    written = save_hits(kept, save or _page_to_open()) if kept and (save is not None or open_saved) else None
    is_page = cursor is not None
    _tell(kept or answers, target.path, is_one=is_one, as_json=as_json, is_page=is_page, least=least)
    if target.notice:
        say(f"note: {target.notice}")
    show_failures(failed, "could not be searched with", all_of_them="")
    if preview and not all(draw(hits.image()) for hits in kept or ()):
        say("this terminal cannot show pictures; use --save FILE.png or --save FILE.html")
    if written is not None:
        say(f"saved {written}")
        if open_saved:
            typer.launch(str(written))


def _answer_warm(queries: list[str], gallery: str | None, asked: dict[str, Any], *, as_json: bool) -> bool:
    """Print what a server on this machine finds, and say whether there was one that could."""
    from lookalike.cli.warm import warm_search
    from lookalike.gallery.location import locate

    location = locate(gallery)
    found = warm_search(location, queries, asked)
    if found is None:
        return False
    _tell_unknown(found.unknown)
    is_one, options = len(found.answers) == 1, asked["options"]
    is_page, least = options["cursor"] is not None, options["min_score"]
    _tell(found.answers, location.folder, is_one=is_one, as_json=as_json, is_page=is_page, least=least)
    if found.notice:
        say(f"note: {found.notice}")
    return True


def _tell(
    answers: Iterable[Hits | WarmHits],
    gallery: Path,
    *,
    is_one: bool,
    as_json: bool,
    is_page: bool,
    least: float | str | None,
) -> None:
    if as_json:
        found = [_as_dict(hits, str(gallery), is_page=is_page) for hits in answers]
        print_json(found[0] if is_one else found)
    else:
        for hits in answers:
            _show(hits, is_one_of_many=not is_one, least=least)


def _tell_unknown(names: Iterable[str]) -> None:
    for name in names:
        say(f"note: there is no item {on_one_line(name)!r} in the gallery to leave out")


def _counted(answers: Iterable[Hits]) -> Iterator[Hits]:
    """Yield the answers to many queries, whose number is shown meanwhile."""
    shown_on = console()
    if not shown_on.is_terminal:
        yield from answers
        return
    with shown_on.status("Searching") as status:
        for count, hits in enumerate(answers, start=1):
            status.update(f"Searching: {count:,} queries answered")
            yield hits


def _number_or_word(value: str | None) -> float | str | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return value  # which the options take or refuse


def _as_dict(hits: Hits | WarmHits, gallery: str, *, is_page: bool) -> dict[str, Any]:
    values = {
        "gallery": gallery,
        "query": hits.query,
        "exact": hits.is_exact,
        "index": hits.method.index,
        "recall": round(hits.method.recall, 4),
        "seconds": round(hits.seconds, 4),
        "hits": [hit.to_dict() for hit in hits],
    }
    return {**values, "cursor": hits.cursor} if is_page else values


def _show(hits: Hits | WarmHits, *, is_one_of_many: bool, least: float | str | None) -> None:
    if is_one_of_many:
        say(f"{on_one_line(hits.query)}:")
    if not hits:
        say("no hits" if least != "auto" else "no hits: nothing in the gallery is alike enough to be related")
        return
    if not hits.is_exact:
        say(f"found by the index {hits.method.index}, which finds {hits.method.recall:.1%} of the true nearest")
    rows = [[str(hit.rank), f"{hit.score:.4f}", _path(hit), hit.id, _attributes(hit), *_told(hit)] for hit in hits]
    first = next(iter(hits))
    told = [name for name, value in zip(_TOLD, (first.strength, first.collapsed), strict=True) if value is not None]
    print_rows(rows, ["rank", "score", "image", "id", "attributes", *told], right=["rank", "score", "copies"])
    if hits.cursor is not None:
        say(f"more with: --cursor {hits.cursor}")


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
    shown = [f"{name}={value}" for name, value in hit.attributes.items() if name not in _HIDDEN]
    if hit.box is not None:
        shown.append(f"box={','.join(map(str, hit.box))}")
    return ", ".join(shown)


def _told(hit: Hit) -> list[str]:
    return [str(value) for value in (hit.strength, hit.collapsed) if value is not None]


def _page_to_open() -> Path:
    import tempfile

    return Path(tempfile.mkdtemp(prefix="lookalike-")) / "hits.html"
