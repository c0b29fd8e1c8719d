from __future__ import annotations

import numpy as np
import pytest

from lookalike.evaluation.bootstrap import bootstrap_intervals

stats = pytest.importorskip("scipy.stats")


@pytest.mark.parametrize("seed", range(3))
def test_the_bounds_are_those_of_scipy(seed):
    random = np.random.default_rng(seed)
    values = np.stack([random.random(80) ** 3, random.random(80) < 0.7], axis=1).astype(float)
    low, high = bootstrap_intervals(values)
    for column in range(2):
        expected = stats.bootstrap(
            (values[:, column],), np.mean, method="percentile", n_resamples=20_000, rng=random
        ).confidence_interval
        width = expected.high - expected.low
        # 1,000 resamples place a bound about so well
        assert abs(low[column] - expected.low) < 0.1 * width
        assert abs(high[column] - expected.high) < 0.1 * width


def test_the_same_values_have_the_same_bounds():
    values = np.random.default_rng(1).random((30, 3))
    assert np.array_equal(bootstrap_intervals(values), bootstrap_intervals(values.copy()))


def test_more_queries_than_are_counted_at_once_have_a_narrower_interval(monkeypatch):
    values = np.random.default_rng(2).random((5_000, 1))
    monkeypatch.setattr("lookalike.evaluation.bootstrap._COUNTS_HELD", 12_000)
    low, high = bootstrap_intervals(values)[:, 0]
    expected = 2 * 1.96 * values.std() / np.sqrt(5_000)  # the central limit theorem
    assert high - low == pytest.approx(expected, rel=0.15)
    assert low < values.mean() < high


def test_where_all_are_equal_there_is_nothing_to_vary():
    assert bootstrap_intervals(np.ones((9, 1))).ravel().tolist() == [1.0, 1.0]
    assert bootstrap_intervals(np.array([[0.25]])).ravel().tolist() == [0.25, 0.25]
