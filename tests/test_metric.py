"""A larger score is more alike, for every metric; scores agree with the definitions."""

from __future__ import annotations

import math

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.metric import Metric, prepare, score_matrix

ROWS = npst.arrays(
    np.float32, (4, 6), elements=st.floats(-100, 100, width=32).filter(lambda x: x == 0 or abs(x) > 1e-3)
)


def _by_definition(left: list[float], right: list[float], metric: Metric) -> float:
    product = math.fsum(a * b for a, b in zip(left, right, strict=True))
    if metric is Metric.INNER_PRODUCT:
        return product
    if metric is Metric.L2:
        return -math.dist(left, right)
    lengths = math.hypot(*left) * math.hypot(*right)
    return product / lengths if lengths else 0.0


@pytest.mark.parametrize("metric", list(Metric), ids=str)
@given(queries=ROWS, gallery=ROWS)
def test_scores_agree_with_the_definition(metric, queries, gallery):
    queries.flags.writeable = gallery.flags.writeable = False
    expected = [[_by_definition(q, g, metric) for g in gallery.tolist()] for q in queries.tolist()]
    np.testing.assert_allclose(score_matrix(queries, gallery, metric), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.L2], ids=str)
@given(rows=ROWS)
def test_nothing_is_more_alike_than_the_row_itself(metric, rows):
    scores = score_matrix(rows, rows, metric)
    assert (scores <= np.diag(scores)[:, None] + 1e-6).all()


def test_cosine_ignores_length_and_the_others_do_not():
    row = np.array([[3.0, 4.0]], np.float32)
    assert score_matrix(row, 10 * row, Metric.COSINE)[0, 0] == pytest.approx(1.0)
    assert score_matrix(row, 10 * row, Metric.INNER_PRODUCT)[0, 0] == pytest.approx(250.0)
    assert score_matrix(row, 10 * row, Metric.L2)[0, 0] == pytest.approx(-45.0)


def test_only_cosine_needs_unit_length():
    row = np.array([[3.0, 4.0]], np.float32)
    np.testing.assert_allclose(prepare(row, Metric.COSINE), [[0.6, 0.8]], rtol=1e-6)
    for metric in (Metric.INNER_PRODUCT, Metric.L2):
        assert prepare(row, metric) is row


def test_a_metric_is_written_and_read_by_its_name():
    for metric in Metric:
        assert Metric(str(metric)) is metric
    assert f"{Metric.INNER_PRODUCT}" == "inner-product"
