"""Folding, spreading and ordering hits, against the plain definitions."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from lookalike.arrays import normalised
from lookalike.search.arrangement import Candidate, collapsed, diverse, in_order_of
from lookalike.search.hit import Hit
from lookalike.search.items import Item


def candidates(vectors, query, digests=None):
    """Return candidates of the rows, best first, and their rows."""
    scores = normalised(vectors) @ normalised(query[None])[0]
    order = np.argsort(-scores, kind="stable")
    found = [
        Candidate(
            int(i), Item(str(i), str(i), {}, (digests or {}).get(int(i), str(i))), float(scores[i]), float(scores[i])
        )
        for i in order
    ]
    return found, vectors[order]


def plain_mmr(relevance, likeness, k, weight):
    """Carbonell and Goldstein's definition, term by term."""
    chosen = []
    while len(chosen) < min(k, len(relevance)):
        rest = [i for i in range(len(relevance)) if i not in chosen]
        gains = [weight * relevance[i] - (1 - weight) * max((likeness[i][j] for j in chosen), default=0) for i in rest]
        chosen.append(rest[int(np.argmax(gains))])
    return chosen


@pytest.mark.parametrize("diversity", [0, 0.3, 0.5, 0.9, 1])
@pytest.mark.parametrize("seed", range(3))
def test_diversity_is_maximal_marginal_relevance(diversity, seed):
    rng = np.random.default_rng(seed)
    found, rows = candidates(rng.normal(size=(30, 6)).astype(np.float32), rng.normal(size=6).astype(np.float32))
    unit = normalised(rows).astype(np.float64)
    expected = plain_mmr([c.relevance for c in found], unit @ unit.T, 8, 1 - diversity)
    assert diverse(found, rows, 8, diversity=diversity) == [found[i] for i in expected]


def test_no_diversity_is_the_ranking_itself():
    rng = np.random.default_rng(0)
    found, rows = candidates(rng.normal(size=(30, 6)).astype(np.float32), rng.normal(size=6).astype(np.float32))
    assert diverse(found, rows, 99, diversity=0.0) == found


def test_near_duplicates_are_folded_into_the_best_and_counted():
    near = [1.0, 0.2, 0.0]
    rows = np.array([[1, 0, 0], near, [0.7, 0.7, 0], [0.68, 0.72, 0], [0, 0, 1], [0, 0, 1]], np.float32)
    found, ranked = candidates(rows, np.array([1, 0.01, 0.001], np.float32))
    kept = collapsed(found, ranked, 9)
    assert [(c.item.id, c.copies) for c in kept] == [("0", 1), ("2", 1), ("4", 1)]
    assert [c.copies for c in collapsed(found, ranked, 2)] == [1, 1]


def test_the_same_bytes_are_a_copy_whatever_the_embedding():
    rows = np.eye(3, dtype=np.float32)
    found, ranked = candidates(rows, np.array([3, 2, 1], np.float32), {0: "same", 2: "same"})
    assert [(c.item.id, c.copies) for c in collapsed(found, ranked, 9)] == [("0", 1), ("1", 0)]


def test_order_of_an_attribute_keeps_ranks_and_puts_what_lacks_it_last():
    times = [datetime(2024, 5, 1), None, datetime(2023, 1, 1), datetime(2024, 5, 1)]
    hits = [Hit(i + 1, str(i), str(i), 1.0, {} if time is None else {"taken": time}) for i, time in enumerate(times)]
    assert [hit.rank for hit in in_order_of(hits, "taken")] == [3, 1, 4, 2]
    assert [hit.rank for hit in in_order_of(hits, "-taken")] == [1, 4, 3, 2]
