"""What becomes of the hits of a query once they are ranked: folded, spread out, put in another order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.arrays import normalised
from lookalike.search.calibration import NEAR_DUPLICATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.arrays import Vectors
    from lookalike.images.region import Box
    from lookalike.search.hit import Hit
    from lookalike.search.items import Item


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that may become a hit."""

    row_id: int
    item: Item
    score: float
    relevance: float
    """What it is ranked by; the score, if nothing else was asked for."""
    box: Box | None = None
    """The part of the picture that has the score, if it was searched by parts."""
    copies: int | None = None
    """How many worse ones were folded into it; None if none were to be."""


def collapsed(candidates: Sequence[Candidate], vectors: Vectors, k: int) -> list[Candidate]:
    """Return the k best that are no copies of a better one, each with the number of its copies.

    Parameters
    ----------
    candidates : n, best first.
    vectors : their embeddings, shape (n, dim). One with a cosine of 0.95 or more to a better one is a near-duplicate of
        it, and one of the same bytes a copy.
    k : at least 1; all candidates are counted.
    """
    unit = normalised(vectors)
    kept: list[int] = []
    copies: list[int] = []
    for i, candidate in enumerate(candidates):
        is_copy = unit[kept] @ unit[i] >= NEAR_DUPLICATE
        is_copy |= np.array([candidates[j].item.digest == candidate.item.digest for j in kept], np.bool_)
        if is_copy.any():
            copies[int(is_copy.argmax())] += 1
        elif len(kept) < k:
            kept.append(i)
            copies.append(0)
    return [replace(candidates[i], copies=count) for i, count in zip(kept, copies, strict=True)]


def diverse(candidates: Sequence[Candidate], vectors: Vectors, k: int, *, diversity: float) -> list[Candidate]:
    """Return k candidates, each the one with the greatest marginal relevance when those before it are known.

    Parameters
    ----------
    candidates : n, best first.
    vectors : their embeddings, shape (n, dim).
    k : at least 1.
    diversity : from 0, relevance alone, to 1, difference alone.

    Notes
    -----
    Maximal marginal relevance with lambda = 1 - diversity: Carbonell and Goldstein, The use of MMR, diversity-based
    reranking for reordering documents and producing summaries, SIGIR 1998. Time O(k n dim).
    """
    unit = normalised(vectors)
    relevance = np.array([candidate.relevance for candidate in candidates])
    redundancy = np.zeros(len(candidates))
    chosen: list[int] = []
    for _ in range(min(k, len(candidates))):
        gain = (1 - diversity) * relevance - diversity * redundancy
        gain[chosen] = -np.inf
        best = int(gain.argmax())
        likeness = unit @ unit[best]
        redundancy = np.maximum(redundancy, likeness) if chosen else likeness.astype(np.float64)
        chosen.append(best)
    return [candidates[i] for i in chosen]


def in_order_of(hits: Sequence[Hit], sort: str) -> list[Hit]:
    """Return hits in the order of an attribute, those that lack it at the end, equal ones by rank.

    Parameters
    ----------
    hits : in the order of their ranks.
    sort : the attribute, after a ``-`` for descending order.

    """
    name = sort.removeprefix("-")

    def value(hit: Hit) -> Any:
        return hit.attributes[name]

    having = [hit for hit in hits if name in hit.attributes]
    lacking = [hit for hit in hits if name not in hit.attributes]
    return [*sorted(having, key=value, reverse=sort.startswith("-")), *lacking]
