"""The FAISS index that keeps equal rows in order, held to the reference scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.integrations.ordered_index import OrderedIndex
from lookalike.metric import Metric, score_matrix

METRICS = list(Metric)


def _expected(queries, rows, metric):
    """Return the positions of all rows, best first, equal scores in their order."""
    return np.argsort(-score_matrix(queries, rows, metric), axis=1, kind="stable")


@settings(deadline=None, max_examples=60)
@given(data=st.data(), metric=st.sampled_from(METRICS), k=st.integers(1, 40))
def test_ties_are_in_the_order_of_rows(data, metric, k):
    # few different rows, of numbers whose products are exact, so that many scores are exactly equal
    kinds = np.array([[3, 4, 0, 0], [0, 3, 4, 0], [0, 0, 0, 5], [4, 0, 0, 3]], np.float32)
    rows = kinds[data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=30))]
    queries = kinds[:2]
    index = OrderedIndex(4, metric)
    index.add(rows)
    _, positions = index.search(queries, k)
    assert positions.shape == (2, k)
    found = min(k, len(rows))
    np.testing.assert_array_equal(positions[:, :found], _expected(queries, rows, metric)[:, :found])
    assert (positions[:, found:] == -1).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("count", [1, 50])
def test_scores_are_the_reference_scores(metric, count):
    rng = np.random.default_rng(0)
    rows, queries = (rng.normal(size=(n, 16)).astype(np.float32) * 3 for n in (200, count))
    for array in (rows, queries):
        array.flags.writeable = False
    index = OrderedIndex(16, metric)
    index.add(rows)
    scores, positions = index.search(queries, 10)
    reference = score_matrix(queries, rows, metric)
    expected = _expected(queries, rows, metric)[:, :10]
    np.testing.assert_array_equal(positions, expected)
    best = np.take_along_axis(reference, expected, 1)
    np.testing.assert_allclose(scores, np.square(best) if metric is Metric.L2 else best, rtol=1e-4, atol=1e-5)


def test_an_empty_index_has_no_rows_to_return():
    assert OrderedIndex(4, Metric.COSINE).search(np.ones((1, 4), np.float32), 3)[1].tolist() == [[-1, -1, -1]]
