"""What a backend sees ranks as the embeddings themselves do."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.indexes.preparation import Preparation, PreparedRows
from lookalike.indexes.scoring import WideQueries
from lookalike.metric import Metric, score_matrix
from lookalike.projections.fitting import fit_projection
from lookalike.testing.index_contract import mixture


@pytest.mark.parametrize("spec", [None, "pca:16"])
@pytest.mark.parametrize("metric", list(Metric))
def test_the_order_is_kept(metric, spec):
    rows, queries = mixture(300, 16, seed=1), mixture(5, 16, seed=2)
    scale = 1.0 if metric is Metric.COSINE else 1 / 30
    plain = Preparation(metric, scale)
    preparation = Preparation(metric, scale, None if spec is None else fit_projection(spec, plain.rows(rows)))
    seen = score_matrix(
        preparation.queries(WideQueries.of(queries)), preparation.rows(rows), preparation.backend_metric
    )
    true = score_matrix(queries, rows, metric)
    for i in range(5):
        order = np.argsort(-seen[i])
        gaps = np.diff(true[i][order])
        assert gaps.max() <= 1e-5 * np.abs(true[i]).max()


def test_rows_come_in_pieces_that_are_the_whole(monkeypatch):
    monkeypatch.setattr("lookalike.indexes.preparation._BYTES_PER_CHUNK", 7 * 16 * 4)
    rows = mixture(100, 16, seed=1)
    prepared = PreparedRows(rows, Preparation(Metric.COSINE), 16)
    chunks = list(prepared.chunks())
    assert {len(chunk) for chunk in chunks} == {7, 2}
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(np.concatenate(chunks), unit, atol=1e-6)
    np.testing.assert_array_equal(prepared.whole(), np.concatenate(chunks))
    assert prepared.shape == (100, 16)


def test_a_sample_is_of_different_rows_and_of_its_seed():
    prepared = PreparedRows(mixture(100, 4, seed=1), Preparation(Metric.COSINE), 4)
    first, again, other = (prepared.sample(30, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert len(np.unique(first, axis=0)) == 30
    np.testing.assert_array_equal(prepared.sample(100, seed=1), prepared.whole())


def test_raw_rows_are_left_as_they_are():
    rows = mixture(10, 4, seed=1)
    for metric in Metric:
        raw = Preparation(metric, is_raw=True)
        assert raw.backend_metric is metric
        np.testing.assert_array_equal(raw.rows(rows), rows)
        np.testing.assert_array_equal(raw.queries(WideQueries.of(rows)), rows)
