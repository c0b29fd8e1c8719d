from __future__ import annotations

from datetime import datetime

import pytest

from lookalike.errors import StoreCorruptError
from lookalike.gallery.location import Location
from lookalike.gallery.skipped_store import SkippedItem, SkippedStore


@pytest.fixture
def store(tmp_path):
    return SkippedStore(Location(tmp_path / ".lookalike"))


def item(name, reason="broken"):
    return SkippedItem(name, f"./{name}", reason, "stamp")


def test_there_are_none_at_first(store):
    assert store.items() == []
    store.forget(["a"])
    assert not store.location.folder.exists()


def test_items_are_kept_by_id_with_their_time(store):
    store.record([item("b"), item("it's")])
    store.record([item("a"), item("b", "gone")])
    assert [(i.id, i.uri, i.reason, i.stamp) for i in store.items()] == [
        ("a", "./a", "broken", "stamp"),
        ("b", "./b", "gone", "stamp"),
        ("it's", "./it's", "broken", "stamp"),
    ]
    assert all(abs((datetime.now() - i.when).total_seconds()) < 600 for i in store.items())


def test_items_are_forgotten(store):
    store.record([item("a"), item("it's"), item("c")])
    store.forget(["it's", "c", "never"])
    assert [i.id for i in store.items()] == ["a"]
    store.forget([])
    store.forget(["a"])
    assert store.items() == []
    store.record([item("b")])
    assert [i.id for i in store.items()] == ["b"]


def test_damage_is_one_sentence(store):
    store.record([item("a")])
    for path in (store.location.skipped / "_versions").iterdir():
        path.write_bytes(b"")
    with pytest.raises(StoreCorruptError, match="damaged"):
        store.items()
