from __future__ import annotations

import numpy as np
import pytest

from lookalike.evaluation import ranking
from lookalike.evaluation.ranking import rankings


def plain_order(query, rows, own):
    """Rank the rows of one query by cosine in double precision, rounded; equal ones as they come."""

    def cosine(place):
        one, two = query.astype(float), rows[place].astype(float)
        lengths = np.sqrt((one @ one) * (two @ two))
        return np.float32(one @ two / lengths) if lengths else np.float32(0.0)

    return sorted((place for place in range(len(rows)) if place != own), key=cosine, reverse=True)


@pytest.fixture
def rows():
    rows = np.random.default_rng(5).normal(size=(37, 6)).astype(np.float32)
    rows[20] = rows[3]  # equal scores for every query
    rows[21] = 2 * rows[3]
    rows[30] = 0.0
    rows.flags.writeable = False
    return rows


@pytest.mark.parametrize(("held", "at_once", "block"), [(1 << 26, 1 << 21, 4096), (200, 100, 5), (1, 1, 1)])
def test_every_row_is_ranked_whatever_fits_in_memory(rows, monkeypatch, held, at_once, block):
    monkeypatch.setattr(ranking, "_SCORES_HELD", held)
    monkeypatch.setattr(ranking, "_SCORES_SORTED", at_once)
    monkeypatch.setattr(ranking, "_ROWS_AT_ONCE", block)
    queries = rows[::2]
    own = np.where(np.arange(len(queries)) % 3 == 0, np.arange(0, 37, 2), -1)
    seen = 0
    for found in rankings(queries, rows, own=own):
        assert found.queries.start == seen
        for query, order in zip(range(found.queries.start, found.queries.stop), found.order, strict=True):
            expected = plain_order(queries[query], rows, own[query])
            assert order[: len(expected)].tolist() == expected
            assert order[len(expected) :].tolist() == [-1] * int(own[query] >= 0)
        seen = found.queries.stop
    assert seen == len(queries)


def test_a_query_never_matches_itself_though_it_is_alike(rows):
    codes = np.zeros(37, np.int64)
    (found,) = rankings(rows, rows, own=np.arange(37))
    assert found.matches(codes, np.zeros(37, np.int64)).sum(axis=1).tolist() == [36] * 37
    assert not found.matches(codes, np.ones(37, np.int64)).any()
