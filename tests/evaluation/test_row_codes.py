from __future__ import annotations

import numpy as np
import pytest

from lookalike.evaluation.row_codes import ids_of, known_codes, learned_codes, places_of
from lookalike.search.all_rows import all_rows
from tests.search.galleries import DIM, empty_gallery, put


@pytest.fixture
def rows(tmp_path):
    store = empty_gallery(tmp_path)
    for name in ("d", "a", "c", "b"):  # in another order than that of ids
        put(store, {name: np.ones(DIM, np.float32)})
    return all_rows(store)


def test_ids_have_their_places_in_order(rows):
    assert ids_of(rows) == {"a": 0, "b": 1, "c": 2, "d": 3}


def test_values_are_numbered_as_they_come_and_none_is_minus_one(rows):
    codes = {"x": 0}
    assert sorted(learned_codes(rows, "id", codes).tolist()) == [1, 2, 3, 4]
    assert codes.keys() == {"x", "a", "b", "c", "d"}
    assert learned_codes(rows, "taken", codes).tolist() == [-1] * 4
    assert known_codes(rows, "id", {"c": 5, "a": 2}).tolist() == [2, -1, 5, -1]


def test_ids_are_looked_up(rows):
    assert places_of({"c": 1, "z": 0, "a": 2}, rows).tolist() == [-1, 2, 0]
