"""The measures against their definitions, written out one query and one rank at a time."""

from __future__ import annotations

from math import isnan, log2

import numpy as np
import pytest
from benchmarks import quality
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lookalike.errors import InputError, ShapeError
from lookalike.evaluation.measures import average_precision, ndcg_at_k, precision_at_k, recall_at_k, reciprocal_rank

MATCHES = arrays(np.bool_, st.tuples(st.integers(1, 4), st.integers(0, 9)))
K = st.integers(1, 12)
BEYOND = st.integers(0, 5)


def plain_precision(row, k):
    return sum(1 for hit in row[:k] if hit) / k


def plain_recall(row, k, relevant):
    return sum(1 for hit in row[:k] if hit) / relevant if relevant else float("nan")


def plain_average_precision(row, relevant):
    if not relevant:
        return float("nan")
    return sum(plain_precision(row, rank) for rank, hit in enumerate(row, start=1) if hit) / relevant


def plain_reciprocal_rank(row):
    for rank, hit in enumerate(row, start=1):
        if hit:
            return 1 / rank
    return 0.0


def plain_ndcg(row, k, relevant):
    gain = sum(1 / log2(rank + 1) for rank, hit in enumerate(row[:k], start=1) if hit)
    best = sum(1 / log2(rank + 1) for rank in range(1, min(relevant, k) + 1))
    return gain / best if best else float("nan")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MATCHES, K, BEYOND)
def test_each_measure_is_its_definition(matches, k, beyond):
    matches.flags.writeable = False
    totals = matches.sum(axis=1) + beyond
    expected = {
        "precision": [plain_precision(row, k) for row in matches],
        "recall": [plain_recall(row, k, total) for row, total in zip(matches, totals, strict=True)],
        "average precision": [plain_average_precision(row, n) for row, n in zip(matches, totals, strict=True)],
        "reciprocal rank": [plain_reciprocal_rank(row) for row in matches],
        "ndcg": [plain_ndcg(row, k, total) for row, total in zip(matches, totals, strict=True)],
    }
    found = {
        "precision": precision_at_k(matches, k),
        "recall": recall_at_k(matches, k, totals),
        "average precision": average_precision(matches, totals),
        "reciprocal rank": reciprocal_rank(matches),
        "ndcg": ndcg_at_k(matches, k, totals),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-12, err_msg=name)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MATCHES, K)
def test_where_everything_is_ranked_the_relevant_ones_need_not_be_counted(matches, k):
    totals = matches.sum(axis=1)
    np.testing.assert_array_equal(recall_at_k(matches, k), recall_at_k(matches, k, totals))
    np.testing.assert_array_equal(average_precision(matches), average_precision(matches, totals))
    np.testing.assert_array_equal(ndcg_at_k(matches, k), ndcg_at_k(matches, k, totals))


def test_the_benchmark_of_quality_counts_the_same():
    matches = np.random.default_rng(0).random((40, 30)) < 0.3
    matches[:, -1] = True  # each query has a relevant one
    found = [precision_at_k(matches, 1), precision_at_k(matches, 5), average_precision(matches)]
    assert [values.mean() for values in found] == pytest.approx(quality._measures(matches), rel=1e-12)


def test_known_values():
    # Manning, Raghavan and Schütze, section 8.4: relevant at ranks 1 and 3 of 3 relevant ones
    matches = np.array([[True, False, True, False]])
    assert average_precision(matches, np.array([3]))[0] == pytest.approx((1 + 2 / 3) / 3)
    assert isnan(recall_at_k(np.array([[False, False]]), 1)[0])
    assert ndcg_at_k(np.array([[True, True, False]]), 2)[0] == 1.0


@pytest.mark.parametrize("measure", [precision_at_k, recall_at_k, ndcg_at_k])
def test_k_is_at_least_one(measure):
    with pytest.raises(InputError, match="at least 1, got 0"):
        measure(np.ones((1, 2), np.bool_), 0)


def test_shapes_and_counts_are_checked():
    with pytest.raises(ShapeError, match=r"\(queries, ranks\)"):
        reciprocal_rank(np.ones(3, np.bool_))
    with pytest.raises(ShapeError):
        recall_at_k(np.ones((2, 3), np.bool_), 1, np.array([3]))
    with pytest.raises(InputError, match="more relevant hits"):
        average_precision(np.ones((1, 3), np.bool_), np.array([2]))
