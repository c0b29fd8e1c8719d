"""ScaNN behind the frame."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.errors import IndexUnusableError, InputError
from lookalike.indexes.building import build_index, load_index
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.scoring import WideQueries
from lookalike.metric import Metric
from lookalike.testing.index_contract import mixture

pytest.importorskip("scann")


@pytest.fixture(scope="module")
def rows():
    return mixture(3_000, 16, seed=1)


@pytest.fixture(scope="module")
def queries():
    return mixture(40, 16, seed=2)


def recall(index, queries, rows, **parameters):
    truth = ExactIndex(rows, metric=index.spec.metric).search(queries, 10).positions
    values = {**index.parameters, **parameters}
    found = index.backend.propose(
        index._preparation.queries(WideQueries.of(queries)), 10, allowed=None, parameters=values
    )
    return np.mean([np.isin(t, f).mean() for t, f in zip(truth, found, strict=True)])


@pytest.mark.parametrize("metric", list(Metric))
def test_more_leaves_find_more(rows, queries, metric):
    index = build_index("scann:num_leaves=60,dimensions_per_block=4", rows, metric=metric)
    few, many, few_again = (recall(index, queries, rows, leaves_to_search=leaves) for leaves in (1, 60, 1))
    assert few == few_again < many
    assert many > 0.8


def test_reordering_more_rows_finds_more(rows, queries):
    index = build_index("scann:num_leaves=10,leaves_to_search=10,dimensions_per_block=8", rows)
    assert recall(index, queries, rows, reorder=2) < recall(index, queries, rows, reorder=60)


@pytest.mark.parametrize(("rows", "leaves"), [(2_000, 0), (2_001, 45), (10_000, 100)])
def test_the_tree_follows_the_number_of_rows(rows, leaves):
    index = build_index("scann:leaves_to_search=3,reorder=4", mixture(rows, 4, seed=1))
    assert index.details == {"num_leaves": leaves}
    assert index.parameters == {"leaves_to_search": 3, "reorder": 4, "oversample": 2}
    assert index.nbytes >= rows * 4 * 4


def test_where_leaves_run_dry_there_is_no_row(rows, queries):
    index = build_index("scann:num_leaves=100", rows)
    values = {**index.parameters, "leaves_to_search": 1}
    found = index.backend.propose(
        index._preparation.queries(WideQueries.of(queries)), 500, allowed=None, parameters=values
    )
    assert (found < 0).any(axis=1).all()
    assert (found >= 0).any()  # not in every row: a leaf can be empty
    for row in found:
        kept = row[row >= 0].tolist()
        assert len(kept) == len(set(kept))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("scann:leaves=3", "no option of 'scann' named 'leaves'"),
        ("scann:num_leaves=0", "num_leaves must be a whole number of at least 1"),
        ("scann:num_leaves=4000", "num_leaves must be at most the number of rows, 3000"),
        ("scann:100", "scann takes options"),
    ],
)
def test_wrong_options_are_refused(rows, spec, message):
    with pytest.raises(InputError, match=message):
        build_index(spec, rows)


def test_a_stored_index_can_be_moved(rows, queries, tmp_path):
    index = build_index("scann", rows)
    index.save(tmp_path / "index")
    (tmp_path / "index").rename(tmp_path / "moved")
    found = load_index(tmp_path / "moved", rows).search(queries, 10)
    np.testing.assert_array_equal(found.positions, index.search(queries, 10).positions)


def test_a_pickle_that_was_put_beside_it_is_not_read(rows, tmp_path):
    build_index("scann", rows).save(tmp_path / "index")
    assert list((tmp_path / "index").rglob("*.pkl")) == []
    (tmp_path / "index" / "backend" / "scann_docids.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(IndexUnusableError, match="foreign file"):
        load_index(tmp_path / "index", rows)


@pytest.mark.parametrize("name", ["scann_config.pb", "dataset.npy", "num_leaves.txt", "scann_assets.pbtxt"])
def test_a_damaged_index_is_refused(rows, tmp_path, name):
    build_index("scann", rows).save(tmp_path / "index")
    (tmp_path / "index" / "backend" / name).write_bytes(b"")
    with pytest.raises(IndexUnusableError, match="build it again"):
        load_index(tmp_path / "index", rows)
