"""A gallery as a map: like images beside each other on one page."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from lookalike.api.concepts import concepts_of
from lookalike.api.encoder_choice import spec_of
from lookalike.arrays import normalised
from lookalike.building.report import NoProgress
from lookalike.cores import usable_cores
from lookalike.errors import ImageDecodeError, InputError, LookalikeError, StoreError
from lookalike.evaluation.sample import label_column
from lookalike.exports.captions import short_name
from lookalike.exports.destination import saved_path, write
from lookalike.exports.map_page import Group, Spots, map_page
from lookalike.exports.sprites import side_for, sprites_of
from lookalike.gallery.strata import sample_rows
from lookalike.images.decode import decode
from lookalike.images.transforms import thumbnail
from lookalike.projections.layout import check_layout, groups_of, places_of, principal_parts
from lookalike.search.items import as_hits, item_columns
from lookalike.sources.fetch import is_web_url
from lookalike.sources.names import original

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from lookalike.api.gallery_tools import GalleryTools
    from lookalike.arrays import Vectors
    from lookalike.building.report import Progress
    from lookalike.encoders.base import TextEncoder
    from lookalike.images.decode import Pixels
    from lookalike.search.hit import Hit

SAVED_AS = (".html",)
_MOST_SHEET_BYTES = 20_000_000
_MOST_NAMED = 40
"""Groups in the legend; the images of smaller ones are one group."""
_WINDOW = 256
"""Pictures that are read ahead."""


@dataclass(frozen=True, slots=True)
class MapOptions:
    """What may be chosen about a map."""

    label_from: str | None = None
    """``parent`` or the attribute that groups the images; by default ``label``, and groups of like images if there is
    none."""
    most: int = 10_000
    """Images on the map; of a larger gallery it shows a sample, in which each label has its share."""
    seed: int = 0
    """The same one makes the same map, on the same machine."""
    progress: Progress = field(default_factory=NoProgress)
    link: Callable[[Hit], str] | None = None
    """Returns what a click on an image opens; by default its file, or its address on the web."""
    title: str | None = None
    """Of the page; by default it names the folder that holds the gallery."""


@dataclass(frozen=True, slots=True)
class MapReport:
    """What a map shows."""

    path: Path
    shown: int
    total: int
    """Images in the gallery."""
    groups: dict[str, int]
    """Names, and how many of the images shown are in each."""
    unreadable: int
    """Images that are shown without a picture."""
    bytes: int
    """Of the page."""

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready values."""
        return {**asdict(self), "path": str(self.path)}


def save_map(gallery: GalleryTools, path: str | Path, options: MapOptions) -> MapReport:
    """Write the map of a gallery; see :meth:`lookalike.api.gallery_tools.GalleryTools.map`."""
    target = saved_path(path, SAVED_AS)
    check_layout()
    if options.most < 1:
        msg = f"a map shows at least 1 image, got {options.most}"
        raise InputError(msg)
    gallery.store.refresh()
    store = gallery.store.pinned()
    sample = sample_rows(store, options.most, column=label_column(store, options.label_from), seed=options.seed)
    if len(sample.row_ids) == 0:
        msg = f"the gallery {store.location.folder} holds no images yet; index some first"
        raise InputError(msg)
    vectors = store.embeddings(sample.row_ids)
    hits = as_hits(store.take_in_order(sample.row_ids, item_columns(store)), store)
    options.progress.note(f"laying out {len(hits):,} images")
    parts = principal_parts(vectors)
    places = places_of(parts, seed=options.seed)
    unit = normalised(vectors)
    names: Sequence[str]
    if sample.values is not None:
        names, members = _by_label(sample.values)
    else:
        members = _members(groups_of(parts, seed=options.seed))
        names = _concepts(gallery, unit, members, options.progress) or [
            f"like {short_name(hits[_central(unit, group)].id)}" for group in members
        ]
    groups = [Group(name, group, _central(unit, group)) for name, group in zip(_distinct(names), members, strict=True)]
    sprites = sprites_of(_thumbnails(gallery, hits, options.progress), len(hits), most_bytes=_MOST_SHEET_BYTES)
    spots = Spots(places, [hit.id for hit in hits], list(map(options.link or _link, hits)), sprites)
    title = options.title or f"Images of {store.location.base.name or store.location.base}"
    page = map_page(spots, groups, title=title, note=_note(len(hits), sample.total)).encode()
    write(target, page)
    unreadable = sum(size == (0, 0) for size in sprites.sizes)
    counts = {group.name: len(group.members) for group in groups}
    return MapReport(target, len(hits), sample.total, counts, unreadable, len(page))


def _note(shown: int, total: int) -> str:
    if shown == total:
        return f"{total:,} images. Those that are alike lie together."
    return f"A sample of {shown:,} of {total:,} images, of each group its share. Those that are alike lie together."


def _members(group_of: npt.NDArray[Any]) -> list[npt.NDArray[np.intp]]:
    """Return the numbers of each group's images, the largest group first."""
    _, groups = np.unique(group_of, return_inverse=True)
    return sorted((np.flatnonzero(groups == group) for group in range(groups.max() + 1)), key=len, reverse=True)


def _by_label(labels: npt.NDArray[np.str_]) -> tuple[list[str], list[npt.NDArray[np.intp]]]:
    """Return the names of the groups, and their images."""
    members = _members(labels)
    names = [str(labels[group[0]]) or "no label" for group in members[:_MOST_NAMED]]
    rest = members[_MOST_NAMED:]
    if rest:
        members[_MOST_NAMED:] = [np.concatenate(rest)]
        names.append(f"{len(rest):,} others")
    return names, members


def _concepts(
    gallery: GalleryTools, unit: Vectors, members: Sequence[npt.NDArray[np.intp]], progress: Progress
) -> Sequence[str]:
    """Return the names of groups in words, or none if the encoder has no text side, or cannot be loaded here."""
    if "text" not in spec_of(gallery.store).modalities:
        return ()
    try:
        means = np.stack([unit[group].mean(axis=0) for group in members])
        return concepts_of(cast("TextEncoder", gallery.encoder), means)
    except LookalikeError as error:
        progress.note(f"groups are not named by words: {error}")
        return ()


def _distinct(names: Sequence[str]) -> list[str]:
    """Return the names, with numbers after those that come again."""
    found: list[str] = []
    for name in names:
        numbered = itertools.chain([name], (f"{name} {number}" for number in itertools.count(2)))
        found.append(next(candidate for candidate in numbered if candidate not in found))
    return found


def _central(unit: Vectors, members: npt.NDArray[np.intp]) -> int:
    """Return the number of the image that is most like its group."""
    own = unit[members]
    return int(members[np.argmax(own @ own.mean(axis=0))])


def _link(hit: Hit) -> str:
    if is_web_url(hit.uri):
        return hit.uri
    path = Path(original(hit.uri))
    return path.as_uri() if path.is_absolute() else ""


def _thumbnails(gallery: GalleryTools, hits: Sequence[Hit], progress: Progress) -> Iterator[Pixels | None]:
    side = side_for(len(hits))

    def load(hit: Hit) -> Pixels | None:
        try:
            return thumbnail(decode(gallery.read(hit), min_side=side).pixels, side)
        except (OSError, ImageDecodeError, StoreError):
            return None

    progress.expect(len(hits))
    with ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(0, len(hits), _WINDOW):
            for picture in pool.map(load, hits[start : start + _WINDOW]):
                yield picture
                progress.advance(1, int(picture is None))
