"""Which items of a gallery may be what an item of the same or another one is: never every one with every other."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from lookalike.curation.fingerprint import TURNS, is_edited, is_same, is_same_in_fine, likeness, turned_hashes
from lookalike.indexes.building import build_index
from lookalike.indexes.faiss_library import faiss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.curation.catalogue import Catalogue
    from lookalike.images.decode import Pixels

    Found = tuple[Positions, npt.NDArray[np.float32]]

_RADIUS = 8
_BITS = 64
_LEAST_BITS_IN_A_TABLE = 16
_EXACT_ROWS = 20_000
_INDEX = "ivfpq"
_FIRST_K, _MORE = 16, 4


class SamePictures:
    """Finds the items whose picture is that of another item, encoded anew, resized, turned or mirrored.

    Hashes within 8 of 63 bits are candidates, found in several tables that each know a part of the bits: with 16 bits
    a table, as up to 65,536 items have, all those within 7 bits are found for certain, and most of the others (Norouzi,
    Punjani and Fleet, Fast Search in Hamming Space with Multi-Index Hashing, CVPR 2012). Larger galleries have longer
    parts, so that tables keep few items in a bucket: 3 tables of 21 bits find those within 5 for certain. Candidates
    are compared by fingerprints, and then by their pictures, if these can be read.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._positions = np.flatnonzero(catalogue.places >= 0)
        bits = min(21, max(_LEAST_BITS_IN_A_TABLE, math.ceil(math.log2(max(len(self._positions), 1)))))
        self._index = faiss.IndexBinaryMultiHash(_BITS, _BITS // bits, bits)
        self._index.nflip = 1
        if len(self._positions):
            self._index.add(np.ascontiguousarray(catalogue.hashes[self._positions]))

    def candidates(self, fingerprints: npt.NDArray[np.uint8]) -> list[Positions]:
        """Return the positions of items whose hashes are near to those of q pictures, or of their turns; ascending."""
        queries = turned_hashes(fingerprints).reshape(-1, _BITS // 8)
        limits, _, found = self._index.range_search(np.ascontiguousarray(queries), _RADIUS + 1)  # less than that
        ends = limits.astype(np.int64)[::TURNS]
        positions = self._positions[found.astype(np.int64)] if len(found) else np.empty(0, np.int64)
        return [np.unique(positions[start:end]) for start, end in pairwise(ends)]

    def confirmed(self, one: npt.NDArray[np.uint8], picture: Callable[[], Pixels | None], among: Positions) -> Found:
        """Return which candidates are the same picture as one, and how much they look like it.

        Parameters
        ----------
        one : its fingerprint.
        picture : reads it; None if that cannot be done, and the fingerprint has to do.
        among : positions of candidates.
        """
        scores, is_unedited = likeness(one, self.catalogue.fingerprints(among))
        may_be = is_same(scores, is_unedited)
        among, scores = among[may_be], scores[may_be]
        fine = picture() if len(among) else None
        if fine is None:
            return among, scores
        others = ((i, self.catalogue.picture(int(position))) for i, position in enumerate(among))
        kept = [i for i, other in others if other is None or is_same_in_fine(fine, other)]
        return among[kept], scores[kept]

    def edited(self, one: npt.NDArray[np.uint8], among: Positions) -> Found:
        """Return which candidates show the same, edited or not, by their fingerprints alone."""
        scores, _ = likeness(one, self.catalogue.fingerprints(among))
        shows_the_same = is_edited(scores)
        return among[shows_the_same], scores[shows_the_same]


class SimilarPictures:
    """Finds all items whose cosine to an embedding reaches a threshold.

    Up to 20,000 items are searched exactly; of more, an approximate index is made for the time being, which misses few
    that are so near.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._index = build_index("exact" if len(vectors) <= _EXACT_ROWS else _INDEX, vectors)
        self._rows = len(vectors)

    def near(self, queries: Vectors, threshold: float) -> Iterator[Found]:
        """Yield for each query the positions of the items, and their cosines; best first."""
        k = min(_FIRST_K, self._rows)
        found = self._index.search(queries, k)
        for number in range(len(queries)):
            positions, scores, depth = found.positions[number], found.scores[number], k
            while depth < self._rows and positions[-1] >= 0 and scores[-1] >= threshold:
                depth = min(_MORE * depth, self._rows)
                more = self._index.search(queries[number : number + 1], depth)
                positions, scores = more.positions[0], more.scores[0]
            is_near = (positions >= 0) & (scores >= threshold)
            yield positions[is_near], scores[is_near]
