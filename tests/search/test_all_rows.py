from __future__ import annotations

import numpy as np
import pytest

from lookalike.search import all_rows as module
from lookalike.search.all_rows import all_rows
from tests.search.galleries import DIM, empty_gallery, put


@pytest.fixture
def vectors():
    random = np.random.default_rng(4)
    return {f"{i:02}": random.normal(size=DIM).astype(np.float32) for i in range(9)}


@pytest.fixture
def store(tmp_path, vectors):
    store = empty_gallery(tmp_path)
    put(store, dict(reversed(vectors.items())))
    return store


def expected(vectors):
    return np.stack([vectors[name] for name in sorted(vectors)])


def ids(rows):
    found = [""] * len(rows)
    for positions, names in rows.values("id"):
        for place, name in zip(positions.tolist(), names, strict=True):
            found[place] = name
    return found


def test_all_rows_are_in_the_order_of_ids_and_mapped(store, vectors):
    rows = all_rows(store)
    assert ids(rows) == sorted(vectors)
    assert np.array_equal(rows.vectors, expected(vectors))
    assert isinstance(rows.vectors, np.memmap)


def test_what_came_later_is_there_and_what_left_is_not(store, vectors):
    all_rows(store)
    put(store, {"00b": vectors["03"]})
    store.delete(["05"])
    changed = {**vectors, "00b": vectors["03"]}
    del changed["05"]
    rows = all_rows(store)
    assert ids(rows) == sorted(changed)
    assert np.array_equal(rows.vectors, expected(changed))


def test_where_nothing_can_be_written_rows_are_read_into_memory(store, vectors, monkeypatch):
    monkeypatch.setattr(module, "write_if_allowed", lambda store: None)
    rows = all_rows(store)
    assert not isinstance(rows.vectors, np.memmap)
    assert ids(rows) == sorted(vectors)
    assert np.array_equal(rows.vectors, expected(vectors))


def test_an_empty_gallery_has_no_rows(tmp_path):
    rows = all_rows(empty_gallery(tmp_path))
    assert (len(rows), rows.vectors.shape) == (0, (0, DIM))
