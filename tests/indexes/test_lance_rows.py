"""Embeddings in a table, read as a matrix."""

from __future__ import annotations

import lance
import numpy as np
import pyarrow as pa
import pytest

from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.lance_rows import LanceRows
from lookalike.metric import Metric


@pytest.fixture(params=["float", "halffloat"])
def table(request, tmp_path):
    """Rows of a table in an order of their own, and the same as an array."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(900, 8)).astype(np.float16).astype(np.float32)
    kind = {"float": pa.float32(), "halffloat": pa.float16()}[request.param]
    values = pa.array(rows.ravel().astype(kind.to_pandas_dtype()), kind)
    column = pa.FixedSizeListArray.from_arrays(values, 8)
    dataset = lance.write_dataset(
        pa.table({"embedding": column}), tmp_path / "t.lance", enable_stable_row_ids=True, max_rows_per_file=250
    )
    order = random.permutation(900)
    return LanceRows(dataset, "embedding", order.astype(np.uint64)), rows[order]


def test_it_reads_like_the_array(table):
    rows, array = table
    assert rows.shape == array.shape
    assert len(rows) == 900
    assert rows.nbytes == array.nbytes
    np.testing.assert_array_equal(rows[100:300], array[100:300])
    np.testing.assert_array_equal(rows[np.array([7, 3, 3, 899])], array[[7, 3, 3, 899]])
    np.testing.assert_array_equal(np.asarray(rows), array)
    assert rows[5:5].shape == (0, 8)
    assert rows[np.array([2])].dtype == np.float32


@pytest.mark.parametrize("metric", list(Metric))
def test_an_exact_search_streams_it(table, metric):
    rows, array = table
    norms = np.linalg.norm(array.astype(np.float64), axis=1).astype(np.float32)
    truth = ExactIndex(array, metric=metric, norms=norms)
    index = ExactIndex(rows, metric=metric, norms=norms)
    allowed = np.arange(900) % 7 == 0
    for mask in (None, allowed, ~allowed):
        expected, found = truth.search(array[:5], 6, mask), index.search(array[:5], 6, mask)
        np.testing.assert_array_equal(found.positions, expected.positions)
        np.testing.assert_array_equal(found.scores, expected.scores)


def test_positions_of_rows_and_of_others(table):
    rows, _ = table
    asked = np.concatenate([rows.row_ids[[5, 0, 899]], np.array([900, 12_345], np.uint64)])
    assert rows.positions_of(asked).tolist() == [5, 0, 899, -1, -1]
    none = LanceRows(rows.dataset, "embedding", np.empty(0, np.uint64))
    assert none.positions_of(asked).tolist() == [-1] * 5
