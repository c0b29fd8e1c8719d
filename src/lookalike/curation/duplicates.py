"""The duplicates of a gallery, in groups around the one that is worth keeping.

Each group is a star: whatever is in it was compared with the item that it is said to be a copy of, and not with another
copy. Groups that grow from neighbour to neighbour (single linkage, connected components) drift until pictures are
together that have nothing to do with each other. Items are gone through from the best to keep to the worst; one that
nothing better claimed claims what it is alike with.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lookalike.curation.fingerprint import LENGTH
from lookalike.curation.joins import SamePictures, SimilarPictures
from lookalike.curation.keeping import ranks_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import numpy.typing as npt

    from lookalike.arrays import Positions
    from lookalike.building.report import Progress
    from lookalike.curation.catalogue import Catalogue

_AT_ONCE = 64
"""Pictures whose turns are looked up together: of a film that stands still, each has all the others for candidates."""
_VECTORS_AT_ONCE = 512


class Kind(str, Enum):
    """In what way two items are alike."""

    EXACT = "exact"
    """The same bytes."""
    SAME = "same"
    """The same picture, encoded anew, resized, turned or mirrored."""
    SIMILAR = "similar"
    """Another picture that looks much alike: an edited one by its fingerprint, or any by its embedding."""


def counts_of(kinds: Iterable[Kind]) -> dict[Kind, int]:
    """Return how often each kind is there."""
    found = Counter(kinds)
    return {kind: found[kind] for kind in Kind}


def told(counts: Mapping[Kind, int]) -> str:
    """Return counts of kinds as people are told them.

    Examples
    --------
    >>> told(counts_of([Kind.SAME, Kind.SAME]))
    '0 exact, 2 same, 0 similar'
    """
    return ", ".join(f"{count:,} {kind.value}" for kind, count in counts.items())


@dataclass(frozen=True, slots=True)
class Copy:
    """One position that is a duplicate of another."""

    position: int
    of: int
    kind: Kind
    score: float
    """1 for the same bytes, the correlation of pixels for the same and for an edited picture, else the cosine."""


class _Claims:
    """Who is whose duplicate."""

    def __init__(self, count: int, apart: Collection[tuple[int, int]]) -> None:
        self.copies: list[Copy] = []
        self.is_free = np.ones(count, np.bool_)
        self._apart = apart

    def claim(self, owner: int, positions: Positions, kind: Kind, scores: npt.NDArray[np.floating]) -> None:
        for position, score in zip(positions.tolist(), scores.tolist(), strict=True):
            if (min(owner, position), max(owner, position)) not in self._apart:
                self.is_free[position] = False
                self.copies.append(Copy(position, owner, kind, min(float(score), 1.0)))


def find_copies(
    catalogue: Catalogue, order: Positions, threshold: float, *, apart: Collection[tuple[int, int]], progress: Progress
) -> list[Copy]:
    """Return which items are duplicates of which others.

    Parameters
    ----------
    catalogue : n items.
    order : shape (n,): their positions, the best one to keep first.
    threshold : the cosine from which items are similar.
    apart : pairs of positions, the smaller one first, that are known to be no duplicates.
    progress : told of each item that was compared by its picture, and by its embedding.

    Returns
    -------
    Each item at most once as a copy. What it is a copy of may be a copy itself, but only of a looser kind.
    """
    ranked = (order, ranks_of(order))
    claims = _Claims(len(catalogue), apart)
    _claim_exact(catalogue, order, claims)
    pictures = SamePictures(catalogue)
    for kind in (Kind.SAME, Kind.SIMILAR):  # what is the same is not taken for similar to something else
        _claim_by_picture(pictures, ranked, kind, claims, progress)
    _claim_similar(catalogue, ranked, threshold, claims, progress)
    return claims.copies


def stars(copies: Sequence[Copy]) -> dict[int, list[Copy]]:
    """Return the copies by the item that is kept of all that belong together."""
    owner = {copy.position: copy.of for copy in copies}
    found: dict[int, list[Copy]] = defaultdict(list)
    for copy in copies:
        kept = copy.of
        while kept in owner:
            kept = owner[kept]
        found[kept].append(copy)
    return found


def _claim_exact(catalogue: Catalogue, order: Positions, claims: _Claims) -> None:
    in_order = catalogue.digests[order]
    by_digest = np.argsort(in_order, kind="stable")
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = np.diff(in_order[by_digest]) != 0
    firsts = by_digest[is_first][np.cumsum(is_first) - 1] if len(order) else by_digest
    for first, position in zip(order[firsts[~is_first]], order[by_digest[~is_first]], strict=True):
        claims.claim(int(first), np.array([position]), Kind.EXACT, np.ones(1))


def _claim_by_picture(
    pictures: SamePictures, ranked: tuple[Positions, Positions], kind: Kind, claims: _Claims, progress: Progress
) -> None:
    catalogue, (order, rank) = pictures.catalogue, ranked
    asking = order[claims.is_free[order] & (catalogue.places[order] >= 0)]
    progress.note(f"comparing {len(asking):,} pictures")
    progress.expect(len(asking))
    for start in range(0, len(asking), _AT_ONCE):
        chunk = asking[start : start + _AT_ONCE]
        free = chunk[claims.is_free[chunk]]
        prints = catalogue.fingerprints(free) if len(free) else np.empty((0, LENGTH), np.uint8)
        for position, one, near in zip(free.tolist(), prints, pictures.candidates(prints), strict=True):
            later = near[claims.is_free[near] & (rank[near] > rank[position])]
            if claims.is_free[position] and len(later):
                read = partial(catalogue.picture, position)
                found = pictures.confirmed(one, read, later) if kind is Kind.SAME else pictures.edited(one, later)
                claims.claim(position, found[0], kind, found[1])
        progress.advance(len(chunk), failed=0)


def _claim_similar(
    catalogue: Catalogue, ranked: tuple[Positions, Positions], threshold: float, claims: _Claims, progress: Progress
) -> None:
    order, rank = ranked
    asking = order[claims.is_free[order]]
    similar = SimilarPictures(catalogue.rows.vectors)
    progress.note(f"comparing {len(asking):,} embeddings")
    progress.expect(len(asking))
    for start in range(0, len(asking), _VECTORS_AT_ONCE):
        chunk = asking[start : start + _VECTORS_AT_ONCE]
        free = chunk[claims.is_free[chunk]]
        for position, found in zip(
            free.tolist(), similar.near(np.ascontiguousarray(catalogue.rows.vectors[free]), threshold), strict=True
        ):
            positions, scores = found
            is_later = claims.is_free[positions] & (rank[positions] > rank[position])
            if claims.is_free[position]:
                claims.claim(position, positions[is_later], Kind.SIMILAR, scores[is_later])
        progress.advance(len(chunk), failed=0)
