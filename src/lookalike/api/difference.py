"""Two galleries compared: what only one of them has, and what both have."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.api.duplicates import checked_threshold, similar_from
from lookalike.api.encoder_choice import check_space, spec_of
from lookalike.building.report import NoProgress
from lookalike.curation.catalogue import read_catalogue
from lookalike.curation.difference import counterparts
from lookalike.curation.duplicates import counts_of, told
from lookalike.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.api.gallery import Gallery
    from lookalike.arrays import Positions
    from lookalike.building.report import Failure, Progress
    from lookalike.curation.catalogue import Catalogue
    from lookalike.curation.duplicates import Kind
    from lookalike.search.hit import Hit


@dataclass(frozen=True, slots=True)
class Counterpart:
    """An item of one gallery and the closest to it in the other one."""

    item: Hit
    other: Hit
    kind: Kind
    score: float
    """1 for the same bytes, the correlation of pixels for the same and for an edited picture, else the cosine."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        items = {"id": self.item.id, "uri": self.item.uri, "other": self.other.id, "other_uri": self.other.uri}
        return {**items, "kind": self.kind.value, "score": self.score}


@dataclass(frozen=True, eq=False)
class Difference:
    """What two galleries have, A and B."""

    only_a: Sequence[Hit]
    only_b: Sequence[Hit]
    both: Sequence[Counterpart]
    """Items of A with their counterparts in B."""
    total_a: int
    total_b: int
    threshold: float
    unreadable: Sequence[Failure]
    """Pictures that were compared by their bytes and embeddings only."""
    seconds: float

    def __repr__(self) -> str:
        return (
            f"of {self.total_a:,} items in A and {self.total_b:,} in B: {len(self.only_a):,} only in A, "
            f"{len(self.only_b):,} only in B; of A in B: {told(self.counts())}"
        )

    def counts(self) -> dict[Kind, int]:
        """Return how many items of A are in B, by the kind of likeness."""
        return counts_of(pair.kind for pair in self.both)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON-ready values."""
        return {
            "total": {"a": self.total_a, "b": self.total_b},
            "only_a": [{"id": hit.id, "uri": hit.uri} for hit in self.only_a],
            "only_b": [{"id": hit.id, "uri": hit.uri} for hit in self.only_b],
            "both": [pair.to_dict() for pair in self.both],
            "threshold": self.threshold,
            "unreadable": [failure.to_dict() for failure in self.unreadable],
            "seconds": self.seconds,
        }


def compare(a: Gallery, b: Gallery, *, threshold: float | str = "auto", progress: Progress | None = None) -> Difference:
    """Compare two galleries; see :meth:`lookalike.api.gallery_tools.GalleryTools.diff`."""
    start = time.perf_counter()
    if not hasattr(b, "store"):
        msg = f"a gallery is compared with another gallery, and {b!r} is none; open one: lookalike.open(PATH)"
        raise InputError(msg)
    least = checked_threshold(threshold)
    check_space(spec_of(a.store), spec_of(b.store))
    progress = progress or NoProgress()
    first, second = (read_catalogue(gallery.store, gallery.limits, progress) for gallery in (a, b))
    if least is None:
        least = max(similar_from(a), similar_from(b))
    forth, back = counterparts(first, second, least, progress), counterparts(second, first, least, progress)
    at = np.array([[copy.position, copy.of] for copy in forth], np.int64).reshape(-1, 2)
    pairs = zip(first.items(at[:, 0]), second.items(at[:, 1]), forth, strict=True)
    return Difference(
        only_a=list(first.items(_others(first, at[:, 0]))),
        only_b=list(second.items(_others(second, np.array([copy.position for copy in back], np.int64)))),
        both=[Counterpart(item, other, copy.kind, copy.score) for item, other, copy in pairs],
        total_a=len(first),
        total_b=len(second),
        threshold=least,
        unreadable=[*first.unreadable, *second.unreadable],
        seconds=time.perf_counter() - start,
    )


def _others(catalogue: Catalogue, positions: Positions) -> Positions:
    return np.setdiff1d(np.arange(len(catalogue)), positions)
