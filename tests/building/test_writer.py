from __future__ import annotations

import lance
import numpy as np
import pytest

from lookalike.building.writer import Writer
from lookalike.errors import InputError
from lookalike.gallery.skipped_store import SkippedItem, SkippedStore
from tests.search.galleries import DIM, empty_gallery, record


@pytest.fixture
def store(tmp_path):
    return empty_gallery(tmp_path)


def vector(value=1):
    return np.full(DIM, value, np.float32)


def held(store):
    store.refresh()
    return sorted(item for batch in store.scan(["id"]) for item in batch["id"].to_pylist())


def test_commits_on_the_way_and_at_the_end(store):
    with Writer(store, SkippedStore(store.location), set()) as writer:
        for i in range(2_100):
            writer.put(record(f"{i:04}"), vector(i), is_new=True)
        version = store.version
        for i in range(2_100, 2_103):
            writer.put(record(f"{i:04}"), vector(i), is_new=True)
    assert version > 1  # it did not wait for the end
    assert held(store) == [f"{i:04}" for i in range(2_103)]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError])
def test_keeps_what_it_was_given_when_interrupted(store, interruption):
    with pytest.raises(interruption), Writer(store, SkippedStore(store.location), set()) as writer:
        writer.put(record("a"), vector(), is_new=True)
        writer.skip(SkippedItem("b", "b", "broken", ""))
        raise interruption
    assert held(store) == ["a"]
    assert [item.id for item in SkippedStore(store.location).items()] == ["b"]


def test_replaces_what_is_not_new_and_forgets_that_it_failed(store):
    skipped = SkippedStore(store.location)
    skipped.record([SkippedItem("a", "a", "broken", ""), SkippedItem("z", "z", "broken", "")])
    store.add([record("a"), record("b")], np.stack([vector(1), vector(1)]))
    with Writer(store, skipped, {"a", "z"}) as writer:
        writer.put(record("a"), vector(2), is_new=False)
    rows = store.take(store.row_ids(), ["id", "embedding"]).to_pylist()
    assert {row["id"]: row["embedding"][0] for row in rows} == {"a": 2, "b": 1}
    assert [item.id for item in skipped.items()] == ["z"]


def test_an_error_of_a_commit_is_raised(store):
    with pytest.raises(InputError, match="'n'"), Writer(store, SkippedStore(store.location), set()) as writer:
        writer.put(record("a", n=1), vector(), is_new=True)
        writer.put(record("b", n="x"), vector(), is_new=True)


def test_small_files_are_merged_during_a_long_run(store):
    with Writer(store, SkippedStore(store.location), set()) as writer:
        for i in range(1_024 * 66):
            writer.put(record(f"{i:05}"), vector(i), is_new=True)
    store.refresh()
    assert len(store.row_ids()) == 1_024 * 66
    assert len(lance.dataset(str(store.location.rows)).get_fragments()) <= 4
