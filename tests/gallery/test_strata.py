"""Samples of rows in which every value has its share."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import lookalike
from lookalike.gallery.strata import sample_rows

KINDS = ["many"] * 1_500 + ["some"] * 450 + ["few"] * 49 + ["one"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two thousand rows of four kinds, and 100 of none."""
    folder = tmp_path_factory.mktemp("strata")
    gallery = lookalike.open(folder)
    attributes = [{"kind": kind, "name": f"row {number}"} for number, kind in enumerate(KINDS)] + [{}] * 100
    order = np.random.default_rng(0).permutation(2_100)
    vectors = np.random.default_rng(1).normal(size=(2_100, 4))
    ids = [f"{number:04}" for number in order]
    gallery.add_embeddings(ids, vectors, attributes=[attributes[number] for number in order])
    return gallery.store


def kinds_of(store, sample):
    table = store.take_in_order(sample.row_ids, ["kind"])
    return [kind or "" for kind in table["kind"].to_pylist()]


def test_every_value_has_its_share(store):
    sample = sample_rows(store, 210, column="kind")
    assert sample.total == 2_100
    assert sample.values.tolist() == kinds_of(store, sample)
    assert len(set(sample.row_ids.tolist())) == 210
    expected = {"many": 150, "some": 45, "": 10, "few": 4, "one": 1}
    assert Counter(sample.values.tolist()) == expected


def test_a_small_sample_holds_every_value_once_and_no_more_rows(store):
    assert Counter(sample_rows(store, 6, column="kind").values.tolist()) == {
        "many": 2,
        "some": 1,
        "few": 1,
        "one": 1,
        "": 1,
    }


def test_all_rows_are_taken_where_they_fit(store):
    for column in ("kind", None):
        sample = sample_rows(store, 5_000, column=column)
        assert sorted(sample.row_ids.tolist()) == sorted(store.row_ids().tolist())
    assert sample.values is None


def test_without_a_class_all_rows_have_equal_chances(store):
    """As with an attribute whose values are as many as rows: a limit of values makes it one."""
    counts = Counter()
    for seed in range(30):
        sample = sample_rows(store, 70, column=None, seed=seed)
        assert len(sample.row_ids) == 70
        counts.update(kinds_of(store, sample))
    assert counts["many"] == pytest.approx(1_500, abs=90)  # of 2,100; four deviations


def test_names_are_no_classes(store, monkeypatch):
    monkeypatch.setattr("lookalike.gallery.strata._MOST_VALUES", 100)
    sample = sample_rows(store, 50, column="name")
    assert sample.values is None
    assert len(sample.row_ids) == 50


def test_the_seed_decides(store):
    first, again, other = (sample_rows(store, 40, column="kind", seed=seed).row_ids for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
