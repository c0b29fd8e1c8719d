from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from lookalike.errors import StoreCorruptError
from lookalike.gallery import skipped_store
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


def test_many_recordings_leave_few_files_and_lose_nothing(store, monkeypatch):
    monkeypatch.setattr(skipped_store, "_KEEP_OLD_VERSIONS", timedelta(0))
    store.optimise()
    assert not store.location.folder.exists()
    for number in range(50):
        store.record([item(f"{number:02}a"), item(f"{number:02}b"), item("again", f"reason {number}")])
        if number % 3 == 0:
            store.forget([f"{number:02}b"])
    before = store.items()
    assert len(before) == 101 - 17
    assert len([path for path in store.location.skipped.rglob("*") if path.is_file()]) > 150
    store.optimise()
    assert store.items() == before
    assert [i.reason for i in before if i.id == "again"] == ["reason 49"]
    files = [path for path in store.location.skipped.rglob("*") if path.is_file()]
    assert len(files) <= 6, files
    store.optimise()
    assert len([path for path in store.location.skipped.rglob("*") if path.is_file()]) <= len(files)
    store.record([item("new")])
    assert len(store.items()) == len(before) + 1


def test_damage_is_one_sentence(store):
    store.record([item("a")])
    for path in (store.location.skipped / "_versions").iterdir():
        path.write_bytes(b"")
    with pytest.raises(StoreCorruptError, match="damaged"):
        store.items()
