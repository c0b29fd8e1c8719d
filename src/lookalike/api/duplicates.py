"""The duplicates of a gallery, which can be looked at and moved away."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.api.hits import size_of
from lookalike.api.tidying import Going, move_away
from lookalike.building.report import NoProgress
from lookalike.curation.catalogue import read_catalogue
from lookalike.curation.duplicates import Copy, Kind, counts_of, find_copies, stars, told
from lookalike.curation.keeping import check_rule, keeping_order, ranks_of
from lookalike.curation.reviewed import reviewed_pairs
from lookalike.errors import InputError, LookalikeError, UnknownNameError
from lookalike.exports.destination import saved_path, write
from lookalike.exports.html_page import html_page
from lookalike.exports.picture import Picture, Section
from lookalike.images.decode import decode
from lookalike.search.calibration import NEAR_DUPLICATE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from lookalike.api.gallery import Gallery
    from lookalike.arrays import Positions
    from lookalike.building.report import Failure, Progress
    from lookalike.curation.catalogue import Catalogue
    from lookalike.curation.moves import Moved
    from lookalike.search.hit import Hit

SAVED_AS = (".html",)
MOVED = (Kind.EXACT, Kind.SAME)
"""What is moved away unless more is asked for: a similar picture is another one."""
_SIDE = 256
_NEARER = 3
"""Similar are pictures so many times nearer to each other than half of all pictures are to their nearest."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An item that is there a second time."""

    item: Hit
    kind: Kind
    score: float
    """1 for the same bytes, the correlation of pixels for the same and for an edited picture, else the cosine."""
    of: str
    """The id of the item that it was compared with: the kept one, or a duplicate of that."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        about = {"id": self.item.id, "uri": self.item.uri, "kind": self.kind.value, "score": self.score}
        return {**about, "of": self.of}


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """An item and its duplicates, in the order in which they are worth keeping."""

    keep: Hit
    items: Sequence[Duplicate]

    def going(self, kinds: Collection[Kind]) -> list[Going]:
        """Return the duplicates of those kinds, each with what it is a duplicate of and stays."""
        leaving = {copy.item.id: copy for copy in self.items if copy.kind in kinds}
        staying = {hit.id: hit for hit in (self.keep, *(copy.item for copy in self.items)) if hit.id not in leaving}

        def stays(copy: Duplicate) -> Hit:
            while copy.of in leaving:  # a chain of duplicates ends at one that stays
                copy = leaving[copy.of]
            return staying.get(copy.of, self.keep)

        return [Going(copy.item, [stays(copy)]) for copy in leaving.values()]

    def to_dict(self) -> dict[str, Any]:
        """Return the group as JSON-ready values."""
        return {"keep": self.keep.id, "uri": self.keep.uri, "items": [item.to_dict() for item in self.items]}


@dataclass(frozen=True, eq=False)
class Duplicates:
    """What was found in a gallery."""

    groups: Sequence[DuplicateGroup]
    threshold: float
    """The cosine from which items are similar."""
    total: int
    """Items that were compared."""
    unreadable: Sequence[Failure]
    """Pictures that were compared by their bytes and embeddings only."""
    seconds: float
    gallery: Gallery

    def __repr__(self) -> str:
        return f"Duplicates of {self.total:,} items: {self.told_counts}, in {len(self.groups):,} groups"

    def counts(self) -> dict[Kind, int]:
        """Return how many items are duplicates of each kind."""
        return counts_of(item.kind for group in self.groups for item in group.items)

    @property
    def told_counts(self) -> str:
        """How many items are duplicates of each kind, for people."""
        return told(self.counts())

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON-ready values."""
        return {
            "groups": [group.to_dict() for group in self.groups],
            "threshold": self.threshold,
            "total": self.total,
            "unreadable": [failure.to_dict() for failure in self.unreadable],
            "seconds": self.seconds,
        }

    def save(self, path: str | Path) -> Path:
        """Write the groups with their pictures as one HTML file, which needs no other.

        Raises
        ------
        InputError : if the path does not end in ``.html`` or cannot be written.
        """
        path = saved_path(path, SAVED_AS)
        sections = (self._section(group) for group in self.groups)
        write(path, html_page(sections, title=repr(self)).encode("utf-8", "replace"))
        return path

    def move(
        self,
        folder: str | Path | None = None,
        *,
        kinds: Collection[Kind | str] = MOVED,
        report: Callable[[str], None] = lambda _: None,
    ) -> Moved:
        """Move the files of duplicates away, and take the items out of the gallery; :meth:`Gallery.undo` moves back.

        Parameters
        ----------
        folder : where to, outside the folder of the gallery; by default the gallery's own trash.
        kinds : the kinds of duplicates that go.
        report : told who is writing to the gallery, if that has to be waited for.

        Returns
        -------
        What was moved. Items that are no files of their own stay, and so do files that have changed, and those whose
        original is not there any more.

        Raises
        ------
        InputError : if the folder cannot be used, or there is no such kind.
        StoreError : if the gallery cannot be written.
        """
        return move_away(self.gallery.store, self.going(kinds), folder, report)

    def going(self, kinds: Collection[Kind | str] = MOVED) -> list[Going]:
        """Return what :meth:`move` would move, each with what stays of its kind.

        Raises
        ------
        InputError : if there is no such kind.
        """
        chosen = checked_kinds(kinds)
        return [going for group in self.groups for going in group.going(chosen)]

    def _section(self, group: DuplicateGroup) -> Section:
        copies = [self._picture(copy.item, copy.score, copy.kind.value) for copy in group.items]
        title = "duplicates" if len(copies) > 1 else "duplicate"
        return Section(self._picture(group.keep, None, ""), copies, query_title="Keep", title=title)

    def _picture(self, hit: Hit, score: float | None, said: str) -> Picture:
        try:
            pixels = decode(self.gallery.read(hit), min_side=_SIDE, limits=self.gallery.limits).pixels
        except LookalikeError:
            pixels = None
        return Picture(hit.id, ", ".join(filter(None, [said, size_of(hit)])), pixels, score)


def find_duplicates(
    gallery: Gallery, *, threshold: float | str = "auto", keep: str = "best", progress: Progress | None = None
) -> Duplicates:
    """Find the duplicates of a gallery; see :meth:`lookalike.api.gallery_tools.GalleryTools.duplicates`."""
    start = time.perf_counter()
    checked = checked_threshold(threshold)
    check_rule(keep)
    progress = progress or NoProgress()
    catalogue = read_catalogue(gallery.store, gallery.limits, progress)
    order = keeping_order(catalogue.rows, keep)
    least = similar_from(gallery) if checked is None else checked
    apart = _positions_of(catalogue, reviewed_pairs(gallery.location))
    copies = find_copies(catalogue, order, least, apart=apart, progress=progress)
    groups = list(_groups(catalogue, copies, order))
    return Duplicates(groups, least, len(catalogue), tuple(catalogue.unreadable), time.perf_counter() - start, gallery)


def similar_from(gallery: Gallery) -> float:
    """Return the cosine from which pictures of a gallery look so much alike that they may be duplicates.

    It is 0.95, or more where all of the gallery's pictures are near to each other: three times nearer than half of them
    are to their nearest (see :mod:`lookalike.search.calibration`).
    """
    calibration = gallery.searcher.calibration()
    return max(NEAR_DUPLICATE, 1 - (1 - calibration.strong) / _NEARER) if calibration else NEAR_DUPLICATE


def _groups(catalogue: Catalogue, copies: Sequence[Copy], order: Positions) -> Iterator[DuplicateGroup]:
    rank = ranks_of(order)
    found = stars(copies)
    named = np.unique([position for copy in copies for position in (copy.position, copy.of)]).astype(np.int64)
    hits = dict(zip(named.tolist(), catalogue.items(named), strict=True))
    for keep in sorted(found, key=lambda position: rank[position]):
        items = []
        for copy in sorted(found[keep], key=lambda copy: rank[copy.position]):
            item, original = hits[copy.position], hits[copy.of]
            # keys are the first half of the digests
            if copy.kind is not Kind.EXACT or item.digest == original.digest:
                items.append(Duplicate(item, copy.kind, copy.score, original.id))
        if items:
            yield DuplicateGroup(hits[keep], items)


def _positions_of(catalogue: Catalogue, pairs: Collection[tuple[str, str]]) -> set[tuple[int, int]]:
    if not pairs:
        return set()
    wanted = {name for pair in pairs for name in pair}
    places: dict[str, int] = {}
    for positions, ids in catalogue.rows.values("id"):
        places.update((name, int(at)) for at, name in zip(positions, ids, strict=True) if name in wanted)
    known = [(places[one], places[other]) for one, other in pairs if one in places and other in places]
    return {(min(pair), max(pair)) for pair in known}


def checked_threshold(threshold: float | str) -> float | None:
    """Return the cosine, or None for ``auto``.

    Raises
    ------
    InputError : if it is neither.
    """
    if threshold == "auto":
        return None
    try:
        value = float(threshold)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        msg = f"the threshold is a cosine above 0 and up to 1, or auto, and not {threshold!r}"
        raise InputError(msg)
    return value


def checked_kinds(names: Collection[Kind | str]) -> set[Kind]:
    """Return the kinds of those names.

    Raises
    ------
    InputError : if there is no such kind.
    """
    try:
        return {Kind(name) for name in names}
    except ValueError:
        known = [kind.value for kind in Kind]
        wrong = next(str(name) for name in names if name not in known)
        raise UnknownNameError("kind of duplicates", wrong, known) from None  # noqa: EM101
