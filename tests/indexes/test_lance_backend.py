"""Lance's own index; that it keeps the contract is in test_building."""

from __future__ import annotations

import lance
import numpy as np
import pyarrow as pa
import pytest

from lookalike.errors import IndexUnusableError, InputError
from lookalike.indexes import lance_backend
from lookalike.indexes.building import build_index, load_index
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.lance_rows import LanceRows
from lookalike.metric import Metric


@pytest.fixture(scope="module")
def array():
    # without clusters, so that neighbours lie in several partitions
    return np.random.default_rng(0).normal(size=(2_500, 16)).astype(np.float32)


@pytest.fixture
def rows(array, tmp_path):
    column = pa.FixedSizeListArray.from_arrays(pa.array(array.ravel()), 16)
    dataset = lance.write_dataset(pa.table({"embedding": column}), tmp_path / "t.lance", enable_stable_row_ids=True)
    return LanceRows(dataset, "embedding", np.arange(len(array), dtype=np.uint64))


def recall(index, array, **parameters):
    truth = ExactIndex(array).search(array[:40], 10).positions
    found = index.search(array[:40], 10, parameters=parameters).positions
    return np.mean([np.isin(t, f).mean() for t, f in zip(truth, found, strict=True)])


def test_more_partitions_and_refinement_find_more(rows, array):
    index = build_index("lance:partitions=9", rows)
    assert recall(index, array, nprobes=1, refine=30) < recall(index, array, nprobes=9, refine=30)
    assert recall(index, array, nprobes=9, refine=1) < recall(index, array, nprobes=9, refine=30)
    assert index.nbytes > 0
    assert index.details == {"kind": "IVF_RQ"}


def test_the_index_is_in_the_table_and_a_new_one_replaces_it(rows, tmp_path):
    before = rows.dataset.version
    index = build_index("lance", rows)
    index.save(tmp_path / "saved")
    assert rows.dataset.version > before
    load_index(tmp_path / "saved", rows)
    build_index("lance", rows, metric=Metric.L2)
    assert len(rows.dataset.describe_indices()) == 1
    with pytest.raises(IndexUnusableError, match=r"no vector index of rq and cosine\); build it again"):
        load_index(tmp_path / "saved", rows)


def test_rows_that_came_later_are_no_positions(rows, array):
    index = build_index("lance", rows)
    column = pa.FixedSizeListArray.from_arrays(pa.array(array[:50].ravel()), 16)
    rows.dataset = lance.write_dataset(pa.table({"embedding": column}), rows.dataset.uri, mode="append")
    found = index.search(array[:50], 5)
    assert (found.positions < len(array)).all()
    np.testing.assert_array_equal(found.positions[:, 0], np.arange(50))


def test_among_many_allowed_rows_the_others_are_dropped(rows, array, monkeypatch):
    index = build_index("lance", rows)
    allowed = np.arange(len(array)) % 2 == 0
    generous = {"nprobes": 9, "refine": 30}
    listed = index.search(array[:20], 5, allowed, parameters=generous)
    monkeypatch.setattr(lance_backend, "_LISTED_ROWS", 10)
    dropped = index.search(array[:20], 5, allowed, parameters=generous)
    assert allowed[dropped.positions].all()
    assert np.mean([np.isin(a, b).mean() for a, b in zip(listed.positions, dropped.positions, strict=True)]) > 0.95


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("lance:kind=flat", "kind must be rq or pq"),
        ("lance:lists=3", "no option of 'lance' named 'lists'"),
        ("lance:partitions=0", "partitions must be a whole number of at least 1"),
    ],
)
def test_wrong_options_are_refused(rows, spec, message):
    with pytest.raises(InputError, match=message):
        build_index(spec, rows)


def test_an_array_is_refused_when_an_index_is_opened(rows, array, tmp_path):
    build_index("lance", rows).save(tmp_path / "saved")
    with pytest.raises(IndexUnusableError, match="of other rows"):
        load_index(tmp_path / "saved", array)
