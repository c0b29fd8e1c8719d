"""What is kept of items is what the gallery says of them, and no more than so many."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lookalike.search import items
from lookalike.search.items import ItemCache, fetch_items
from tests.search.galleries import empty_gallery, put


@pytest.fixture
def store(tmp_path):
    store = empty_gallery(tmp_path)
    put(store, {f"item {number}": [number, 1, 0, 0] for number in range(60)}, label="leaf")
    return store


def test_it_returns_what_is_in_the_gallery_whatever_was_asked_before(store):
    cache = ItemCache(store)
    everything = store.row_ids().astype(np.int64)
    rng = np.random.default_rng(0)
    for _ in range(30):
        chosen = np.unique(rng.choice(everything, 10))
        assert cache.fetch(chosen) == fetch_items(store, chosen)
    assert cache.fetch(everything) == fetch_items(store, everything)


def test_rows_that_are_gone_are_left_out(store):
    gone = store.row_ids().astype(np.int64)
    store.delete(["item 3"])
    cache = ItemCache(store)
    for _ in range(2):
        assert len(cache.fetch(gone)) == 59


def test_it_keeps_no_more_than_so_many(store, monkeypatch):
    monkeypatch.setattr(items, "_MOST_KEPT", 20)
    cache = ItemCache(store)
    everything = store.row_ids().astype(np.int64)
    for start in range(0, 60, 7):
        assert len(cache.fetch(everything[start : start + 7])) == len(everything[start : start + 7])
        assert len(cache._known) <= 20
    assert len(cache.fetch(everything)) == 60
    assert len(cache._known) <= 20


def test_threads_get_their_own(store, monkeypatch):
    monkeypatch.setattr(items, "_MOST_KEPT", 15)
    cache = ItemCache(store)
    everything = np.sort(store.row_ids().astype(np.int64))
    expected = fetch_items(store, everything)

    def asked(seed):
        rng = np.random.default_rng(seed)
        for _ in range(50):
            chosen = np.unique(rng.choice(everything, 8))
            if cache.fetch(chosen) != {row_id: expected[row_id] for row_id in chosen.tolist()}:
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(asked, range(4)))
