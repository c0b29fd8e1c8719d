"""From queries to hits, over one version of a gallery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookalike.errors import InputError, UnknownNameError
from lookalike.search.arrangement import Candidate, Item, collapsed, diverse, in_order_of
from lookalike.search.filters import rows_where
from lookalike.search.hit import Hit
from lookalike.search.options import DEEPEST
from lookalike.search.ranking import Ranked
from lookalike.search.uris import full_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.arrays import Positions, Vectors
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.search.calibration import Calibration
    from lookalike.search.options import SearchOptions
    from lookalike.search.ranking import Ranker
    from lookalike.search.view import RowIds, View

_POOL, _SMALLEST_POOL, _DEEPER = 5, 50, 4
"""Hits are chosen among that many times k rows; if copies are so many that too few are left, among more and more."""
_RERANKED = 200
"""Hits at least that are ranked anew."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The queries of one search."""

    vectors: Vectors
    """Shape (q, dim)."""
    exclude: Sequence[str | None] = ()
    """For each query the id of an item to leave out, such as the query itself, or None; missing ones are None."""
    expanded: Vectors | None = None
    """What is to rank instead of the queries, while they themselves score; shape (q, dim)."""
    identities: Sequence[str] = ()
    """For each query what tells it from others, for a ranking that goes on later."""

    def left_out(self, number: int) -> str | None:
        """Return the id that is left out for a query."""
        return self.exclude[number] if number < len(self.exclude) else None


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows of one version with what is known of their scores."""

    view: View
    ranker: Ranker
    calibration: Calibration | None

    def hits(self, asked: Asked, k: int, options: SearchOptions, *, least: float | None) -> list[list[Hit]]:
        """Return the best hits of each query; see :meth:`lookalike.search.searcher.Searcher.search`.

        Parameters
        ----------
        asked : q queries.
        k : at least 1.
        options : its ``min_score`` and its cursor are not looked at.
        least : hits that score less are left out.
        """
        _check(options, k, self.view.store)
        selected = None if options.where is None else rows_where(self.view.store, options.where)
        reach = _reach(k, options) + len(options.exclude) + any(asked.exclude)
        while True:
            found = self._found(asked, reach, selected, options)
            items = _items(self.view.store, np.unique(np.concatenate([ranked.row_ids for ranked in found])))
            chosen = []
            is_short = False
            for number, ranked in enumerate(found):
                candidates = _candidates(ranked, items, {*options.exclude, asked.left_out(number)})
                kept = [c for c in candidates if least is None or c.score >= least]
                chosen.append(self._arranged(kept, k, options))
                is_short |= len(chosen[-1]) < k and len(ranked.row_ids) >= reach and len(kept) == len(candidates)
            if not (options.collapse and is_short and reach < DEEPEST):
                return [self._as_hits(row, options.sort) for row in chosen]
            reach = min(DEEPEST, _DEEPER * reach)

    def _found(self, asked: Asked, reach: int, selected: RowIds | None, options: SearchOptions) -> list[Ranked]:
        if options.expand is None and options.rerank is None:
            row_ids, scores = self.view.nearest(asked.vectors, reach, selected)
            return [_without_padding(*found) for found in zip(row_ids, scores, strict=True)]
        expanded = asked.vectors if asked.expanded is None else asked.expanded
        ways = (options.expand, options.rerank)
        pairs = [(asked.vectors[i : i + 1], expanded[i : i + 1]) for i in range(len(expanded))]
        return [self.ranker.rank(pair, reach, selected, ways) for pair in pairs]

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
            hit = Hit(rank, item.id, item.uri, score, item.attributes, item.digest, strength, candidate.copies)
            hits.append(hit)
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


def _candidates(ranked: Ranked, items: dict[int, Item], leave_out: set[str | None]) -> list[Candidate]:
    """Return the candidates of one query, best first, equal ones by id."""
    numbers = zip(ranked.row_ids.tolist(), ranked.scores.tolist(), ranked.relevance.tolist(), strict=True)
    candidates = [
        Candidate(row_id, items[row_id], score, relevance)
        for row_id, score, relevance in numbers
        if row_id in items and items[row_id].id not in leave_out
    ]
    return sorted(candidates, key=lambda candidate: (-candidate.relevance, candidate.item.id))


def _items(store: LanceStore, row_ids: Positions) -> dict[int, Item]:
    table = store.take(row_ids.astype(np.uint64), ["id", "uri", "digest", *store.attributes])
    base = store.location.base
    items = {}
    for row in table.to_pylist():
        row_id = int(row.pop("_rowid"))
        uri = full_uri(row.pop("uri"), base)
        item, digest = row.pop("id"), row.pop("digest")
        items[row_id] = Item(item, uri, {name: value for name, value in row.items() if value is not None}, digest)
    return items
