"""What two galleries have in common."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lookalike.curation.duplicates import Copy, Kind
from lookalike.curation.joins import SamePictures, SimilarPictures

if TYPE_CHECKING:
    from lookalike.arrays import Positions
    from lookalike.building.report import Progress
    from lookalike.curation.catalogue import Catalogue

_AT_ONCE = 64


def counterparts(one: Catalogue, other: Catalogue, threshold: float, progress: Progress) -> list[Copy]:
    """Return for each item of one gallery its closest counterpart in another, where there is one.

    Parameters
    ----------
    one, other : compared by bytes, then by pictures, then by embeddings.
    threshold : the cosine from which items are similar.
    progress : told of each item.

    Returns
    -------
    ``position`` is of an item of ``one``, ``of`` that of its counterpart in ``other``; by position.
    """
    progress.expect(len(one))
    order = np.argsort(other.digests, kind="stable")
    at = order[np.minimum(np.searchsorted(other.digests, one.digests, sorter=order), max(len(other) - 1, 0))]
    is_exact = other.digests[at] == one.digests if len(other) else np.zeros(len(one), np.bool_)
    found = {int(i): Copy(int(i), int(at[i]), Kind.EXACT, 1.0) for i in np.flatnonzero(is_exact)}
    same, similar = SamePictures(other), SimilarPictures(other.rows.vectors)
    for start in range(0, len(one), _AT_ONCE):
        chunk = np.arange(start, min(start + _AT_ONCE, len(one)))
        found.update((copy.position, copy) for copy in _by_picture(one, same, chunk[~is_exact[chunk]]))
        rest = np.array([i for i in chunk.tolist() if i not in found], np.int64)
        vectors = np.ascontiguousarray(one.rows.vectors[rest])
        for i, (positions, scores) in zip(rest.tolist(), similar.near(vectors, threshold), strict=True):
            if len(positions):
                found[i] = Copy(i, int(positions[0]), Kind.SIMILAR, min(float(scores[0]), 1.0))
        progress.advance(len(chunk), failed=0)
    return [found[i] for i in sorted(found)]


def _by_picture(one: Catalogue, same: SamePictures, positions: Positions) -> list[Copy]:
    asking = positions[one.places[positions] >= 0]
    if not len(asking):
        return []
    prints = one.fingerprints(asking)
    found = []
    for i, print_, candidates in zip(asking.tolist(), prints, same.candidates(prints), strict=True):
        if not len(candidates):
            continue
        among, scores = same.confirmed(print_, partial(one.picture, i), candidates)
        kind = Kind.SAME
        if not len(among):
            among, scores = same.edited(print_, candidates)
            kind = Kind.SIMILAR
        if len(among):
            best = int(scores.argmax())
            found.append(Copy(i, int(among[best]), kind, min(float(scores[best]), 1.0)))
    return found
