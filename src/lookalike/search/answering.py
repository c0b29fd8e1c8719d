"""From queries to hits, over one version of a gallery."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookalike.errors import InputError, UnknownNameError
from lookalike.search.arrangement import Candidate, collapsed, diverse, in_order_of
from lookalike.search.conditions import Conditions
from lookalike.search.hit import Hit
from lookalike.search.items import ItemCache
from lookalike.search.options import DEEPEST
from lookalike.search.ranking import Ranked, Ranker

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lookalike.arrays import Positions, Vectors
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.search.calibration import Calibration
    from lookalike.search.hit import Method
    from lookalike.search.items import Item
    from lookalike.search.options import SearchOptions
    from lookalike.search.tiles import Tile, TileFinder, TilesFound
    from lookalike.search.view import Selection, View

_POOL, _SMALLEST_POOL, _DEEPER = 5, 50, 4
"""Hits are chosen among that many times k rows; if copies are so many that too few are left, among more and more."""
_RERANKED = 200
"""Hits at least that are ranked anew."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The queries of one search."""

    vectors: Vectors
    """Shape (q, dim)."""
    exclude: Sequence[Collection[str]] = ()
    """For each query the ids of items to leave out, such as the query itself; missing ones are of none."""
    expanded: Vectors | None = None
    """What is to rank instead of the queries, while they themselves score; shape (q, dim)."""
    identities: Sequence[str] = ()
    """For each query what tells it from others, for a ranking that goes on later."""

    def left_out(self, number: int) -> Collection[str]:
        """Return the ids that are left out for a query."""
        return self.exclude[number] if number < len(self.exclude) else ()


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows of one version with what is known of their scores."""

    view: View
    ranker: Ranker
    conditions: Conditions
    items: ItemCache
    calibration: Calibration | None
    tiles: TileFinder | None = None

    @classmethod
    def of(cls, view: View, calibration: Calibration | None, tiles: TileFinder | None = None) -> Judged:
        """Return the rows of a view."""
        return cls(view, Ranker(view), Conditions(view), ItemCache(view.store), calibration, tiles)

    def hits(
        self, asked: Asked, k: int, options: SearchOptions, *, least: float | None
    ) -> tuple[list[list[Hit]], Method]:
        """Return the best hits of each query, and how they were found; see :class:`lookalike.search.searcher.Searcher`.

        Parameters
        ----------
        asked : q queries.
        k : at least 1.
        options : its ``min_score`` and its cursor are not looked at.
        least : hits that score less are left out.
        """
        _check(options, k, self.view.store)
        selected = None if options.where is None else self.conditions.selection(options.where)
        reach = _reach(k, options) + len(options.exclude) + max(map(len, asked.exclude), default=0)
        while True:
            found = self._found(asked, reach, selected, options)
            tiles = self._tiles_of(asked, reach, selected, options)
            row_ids = [np.unique(np.concatenate([ranked.row_ids for ranked in found]))]
            row_ids += [] if tiles is None else [np.array(list(best), np.int64) for best in tiles.best]
            items = self.items.fetch(np.unique(np.concatenate(row_ids)))
            chosen = []
            is_short = False
            for number, ranked in enumerate(found):
                candidates = _candidates(ranked, None if tiles is None else tiles.best[number], items)
                left_out = {*options.exclude, *asked.left_out(number)}
                candidates = [c for c in _in_order(candidates, options) if c.item.id not in left_out]
                kept = [c for c in candidates if least is None or c.score >= least]
                chosen.append(self._arranged(kept, k, options))
                is_short |= len(chosen[-1]) < k and len(ranked.row_ids) >= reach and len(kept) == len(candidates)
            if not (options.collapse and is_short and reach < DEEPEST):
                methods = [self.view.method] if tiles is None else [self.view.method, tiles.method]
                return [self._as_hits(row, options.sort) for row in chosen], min(methods, key=lambda way: way.recall)
            reach = min(DEEPEST, _DEEPER * reach)

    def _found(self, asked: Asked, reach: int, selected: Selection | None, options: SearchOptions) -> list[Ranked]:
        if options.expand is None and options.rerank is None:
            row_ids, scores = self.view.nearest(asked.vectors, reach, selected)
            return [_without_padding(*found) for found in zip(row_ids, scores, strict=True)]
        expanded = asked.vectors if asked.expanded is None else asked.expanded
        ways = (options.expand, options.rerank)
        pairs = [(asked.vectors[i : i + 1], expanded[i : i + 1]) for i in range(len(expanded))]
        return [self.ranker.rank(pair, reach, selected, ways) for pair in pairs]

    def _tiles_of(
        self, asked: Asked, reach: int, selected: Selection | None, options: SearchOptions
    ) -> TilesFound | None:
        if self.tiles is None or not options.tiles or options.reverse or options.expand or options.rerank:
            return None
        among = None if selected is None else self.view.selected_ids(selected)
        return self.tiles.nearest(asked.vectors, reach, options.metric, among)

    def _arranged(self, candidates: list[Candidate], k: int, options: SearchOptions) -> list[Candidate]:
        if not candidates or (not options.collapse and options.diversity is None):
            return candidates[:k]
        if options.collapse:
            candidates = collapsed(candidates, self._vectors(candidates), k if options.diversity is None else _pool(k))
        if options.diversity is not None:
            candidates = diverse(candidates, self._vectors(candidates), k, diversity=options.diversity)
        return candidates

    def _vectors(self, candidates: Sequence[Candidate]) -> Vectors:
        return self.view.store.embeddings(np.array([candidate.row_id for candidate in candidates], np.uint64))

    def _as_hits(self, candidates: Sequence[Candidate], sort: str | None) -> list[Hit]:
        hits = []
        for rank, candidate in enumerate(candidates, start=1):
            item, score = candidate.item, candidate.score
            strength = None if self.calibration is None else self.calibration.strength(score)
            about = (item.id, item.uri, score, dict(item.attributes), item.digest)
            hits.append(Hit(rank, *about, box=candidate.box, strength=strength, collapsed=candidate.copies))
        return hits if sort is None else in_order_of(hits, sort)


def _check(options: SearchOptions, k: int, store: LanceStore) -> None:
    if not options.is_plain and k > DEEPEST:
        msg = f"at most {DEEPEST:,} hits can be ranked anew, collapsed or made diverse, and k is {k:,}; lower k"
        raise InputError(msg)
    name = None if options.sort is None else options.sort.removeprefix("-")
    if name is not None and name not in store.attributes:
        kind = "attribute to sort by"
        raise UnknownNameError(kind, name, store.attributes)


def _reach(k: int, options: SearchOptions) -> int:
    if options.is_plain:
        return k
    is_chosen = options.collapse or options.diversity is not None
    reach = _pool(k) if is_chosen else k
    return max(reach, _RERANKED) if options.rerank else reach


def _pool(k: int) -> int:
    return min(DEEPEST, max(_POOL * k, _SMALLEST_POOL))


def _without_padding(row_ids: Positions, scores: Vectors) -> Ranked:
    is_row = row_ids >= 0
    return Ranked(row_ids[is_row], scores[is_row], scores[is_row])


def _candidates(ranked: Ranked, tiles: dict[int, Tile] | None, items: dict[int, Item]) -> list[Candidate]:
    """Return the items of one query with their scores, and the part that has it if they were searched by parts."""
    numbers = zip(ranked.row_ids.tolist(), ranked.scores.tolist(), ranked.relevance.tolist(), strict=True)
    found = {row_id: (score, relevance) for row_id, score, relevance in numbers}
    candidates = []
    for row_id in {*found, *(tiles or ())} & items.keys():
        item, box = items[row_id], None
        score, relevance = found.get(row_id, (-math.inf, -math.inf))
        if tiles is not None:
            box, tile = item.whole, tiles.get(row_id)
            if tile is not None and tile.digest == item.digest and tile.score > score:
                score, relevance, box = tile.score, tile.score, tile.box
        if score > -math.inf:
            candidates.append(Candidate(row_id, item, score, relevance, box))
    return candidates


def _in_order(candidates: list[Candidate], options: SearchOptions) -> list[Candidate]:
    """Return candidates best first, or the least alike first; equal ones by id."""
    sign = 1 if options.reverse else -1
    return sorted(candidates, key=lambda candidate: (sign * candidate.relevance, candidate.item.id))
