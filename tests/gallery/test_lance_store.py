"""The table of items, through what it promises its callers."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

from lookalike.errors import InputError, StoreCorruptError, StoreError, StoreMissingError
from lookalike.gallery.lance_store import LanceStore
from lookalike.gallery.location import Location
from tests.search.galleries import DIM, empty_gallery, put, record

ODD_IDS = ["it's", 'say "x"', "a\\b", "ü/é", "100%", "a;--", "''", "\n", "_rowid", "x" * 3000, ""]


@pytest.fixture
def store(tmp_path):
    return empty_gallery(tmp_path)


def ids(store):
    return sorted(item for batch in store.scan(["id"]) for item in batch["id"].to_pylist())


def test_ids_of_any_kind_are_kept_found_and_deleted(store):
    put(store, {name: [i, 0, 0, 0] for i, name in enumerate(ODD_IDS)})
    assert ids(store) == sorted(ODD_IDS)
    for i, name in enumerate(ODD_IDS):
        assert store.find(name, ["id", "embedding"]).to_pylist()[0]["embedding"] == [i, 0, 0, 0]
    for i, name in enumerate(ODD_IDS, start=1):
        assert store.delete([name]) == 1
        assert len(store) == len(ODD_IDS) - i


def test_rows_keep_their_row_ids_through_every_change(store):
    put(store, {f"{i:03}": [i, 0, 0, 0] for i in range(100)})
    before = {row["id"]: row["_rowid"] for row in store.take(store.row_ids(), ["id"]).to_pylist()}
    for i in range(40):  # many small files, which are then merged
        put(store, {f"{i:03}": [-i, 0, 0, 0], f"new{i}": [0, 0, 0, 0]})
    store.delete(["050", "new3"])
    store.optimise()
    after = {row["id"]: row["_rowid"] for row in store.take(store.row_ids(), ["id"]).to_pylist()}
    assert {name: after[name] for name in before if name != "050"} == {n: r for n, r in before.items() if n != "050"}
    assert len(after) == 100 + 40 - 2
    np.testing.assert_array_equal(store.embeddings(np.array([before["007"]], np.uint64)), [[-7, 0, 0, 0]])


def test_rows_newer_than_a_version_are_those_written_after_it(store):
    put(store, {"a": [1, 0, 0, 0], "b": [1, 0, 0, 0], "c": [1, 0, 0, 0]})
    version = store.version
    put(store, {"b": [2, 0, 0, 0], "d": [2, 0, 0, 0]})
    store.add([record("e", new_attribute=1)], np.ones((1, DIM), np.float32))
    store.delete(["a", "d"])
    store.optimise()
    newer = sorted(item for batch in store.scan(["id"], newer_than=version) for item in batch["id"].to_pylist())
    assert newer == ["b", "e"]


def test_embeddings_come_in_the_order_that_was_asked_for(store):
    put(store, {f"{i:03}": [i, 1, 2, 3] for i in range(300)})
    rows = store.row_ids()[::-7].copy()
    names = {row["_rowid"]: int(row["id"]) for row in store.take(rows, ["id"]).to_pylist()}
    np.testing.assert_array_equal(store.embeddings(rows)[:, 0], [names[row] for row in rows.tolist()])


def test_nothing_is_taken_of_rows_that_are_gone(store):
    put(store, {"a": [1, 0, 0, 0], "b": [1, 0, 0, 0]})
    rows = store.row_ids()
    store.delete(["a"])
    assert store.take(rows, ["id"])["id"].to_pylist() == ["b"]
    assert len(store.take(np.empty(0, np.uint64), ["id"])) == 0


def test_attributes_are_columns_from_the_first_use_on(store):
    put(store, {"a": [1, 0, 0, 0]}, label="x")
    put(store, {"b": [1, 0, 0, 0]}, label=None, score=0.5)
    assert store.attributes == ["folder", "width", "height", "taken", "label", "score"]
    assert len(store.row_ids(where="label = 'x'")) == 1
    assert len(store.row_ids(where="score is null")) == 1
    assert len(store.row_ids(where="label is null or label <> 'x'")) == 1


@pytest.mark.parametrize("name", ["Größe", "a b", "Label", "select", "2nd", "a-b", "id", "embedding", "a.b", "ü'"])
def test_attributes_of_any_name_can_be_written_and_read(store, name):
    put(store, {"a": [1, 0, 0, 0]}, **{name: 3})
    put(store, {"a": [1, 0, 0, 0], "b": [1, 0, 0, 0]}, **{name: 4})
    column = store.attributes[-1]
    assert store.take(store.row_ids(), ["id", column])[column].to_pylist() == [4, 4]
    assert len(store.row_ids(where=f"`{column}` = 4")) == 2


def test_a_conflict_of_types_changes_nothing(store):
    put(store, {"a": [1, 0, 0, 0]}, label="x", number=1)
    for write in (store.add, store.upsert):
        with pytest.raises(InputError, match="'number'"):
            write([record("b", number=2), record("c", number="many")], np.ones((2, DIM), np.float32))
    assert ids(store) == ["a"]


def test_a_pinned_gallery_stays_as_it_was(store):
    put(store, {"a": [1, 0, 0, 0]})
    pinned = store.pinned()
    put(store, {"a": [2, 0, 0, 0], "b": [2, 0, 0, 0]})
    assert ids(pinned) == ["a"]
    np.testing.assert_array_equal(pinned.embeddings(pinned.row_ids()), [[1, 0, 0, 0]])
    pinned.refresh()
    assert ids(pinned) == ["a", "b"]


def test_another_handle_sees_changes_when_it_asks_for_them(store):
    other = LanceStore.open(store.location)
    put(store, {"a": [1, 0, 0, 0]})
    assert len(other) == 0
    other.refresh()
    assert len(other) == 1
    assert other.version == store.version


def aged(store, seconds=60):
    """Let the folder of versions look as if it had last changed a while ago."""
    folder = store.location.rows / "_versions"
    then = folder.stat().st_mtime_ns - seconds * 1_000_000_000
    os.utime(folder, ns=(then, then))


def test_another_handle_sees_each_change_however_long_none_came(store):
    other = LanceStore.open(store.location)
    for number in range(5):
        aged(store)
        for _ in range(3):
            other.refresh()
            assert len(other) == number
        put(store, {f"item {number}": [1, 0, 0, 0]})
        other.refresh()
        assert ids(other) == ids(store)


def test_a_table_that_was_put_back_is_seen(store, tmp_path):
    put(store, {"a": [1, 0, 0, 0]})
    shutil.copytree(store.location.rows, tmp_path / "copy", copy_function=shutil.copy2)
    put(store, {"b": [1, 0, 0, 0]})
    other = LanceStore.open(store.location)
    aged(store)
    other.refresh()
    assert ids(other) == ["a", "b"]
    shutil.rmtree(store.location.rows)
    shutil.copytree(tmp_path / "copy", store.location.rows, copy_function=shutil.copy2)
    aged(store)
    other.refresh()
    assert ids(other) == ["a"]


def test_nothing_grows_without_end(store):
    for i in range(60):
        put(store, {f"{i}": [1, 0, 0, 0]})
    store.optimise()
    assert len(store._dataset.get_fragments()) < 17
    assert len(store) == 60
    assert store.nbytes() > 60 * DIM * 4


def test_there_is_none_where_none_was_made(tmp_path):
    with pytest.raises(StoreMissingError, match="lookalike index FOLDER"):
        LanceStore.open(Location(tmp_path / "none"))
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreMissingError):
        LanceStore.open(Location(tmp_path / "file"))


@pytest.mark.parametrize("part", ["_versions", "data"])
def test_damage_is_one_sentence(store, part):
    put(store, {"a": [1, 0, 0, 0]})
    for path in (store.location.rows / part).rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-20] if path.stat().st_size > 40 else b"")
    with pytest.raises(StoreCorruptError, match="restore it, or remove it and index again") as raised:
        LanceStore.open(store.location).row_ids(where="id = 'a'")
    assert "\n" not in str(raised.value)
    assert "rust" not in str(raised.value)


def test_a_table_of_another_program_is_no_gallery(tmp_path):
    import lance
    import pyarrow as pa

    location = Location(tmp_path / ".lookalike")
    lance.write_dataset(pa.table({"a": [1]}), str(location.rows))
    with pytest.raises(StoreCorruptError, match="carries no manifest"):
        LanceStore.open(location)


@pytest.mark.parametrize("name", ["a\nb", "a\udcffb"])
def test_a_path_that_is_no_text_is_refused_in_one_sentence(tmp_path, name):
    with pytest.raises(StoreError, match="its path is not plain text") as raised:
        empty_gallery(tmp_path / name)
    assert "\n" not in str(raised.value)
    assert str(raised.value).encode()


def test_embeddings_keep_every_bit(store):
    vectors = np.random.default_rng(0).normal(size=(50, DIM)).astype(np.float32) * 1e-30
    put(store, {f"{i:02}": vector for i, vector in enumerate(vectors)})
    found = {row["id"]: row["embedding"] for row in store.take(store.row_ids(), ["id", "embedding"]).to_pylist()}
    np.testing.assert_array_equal(np.array([found[f"{i:02}"] for i in range(50)], np.float32), vectors)


def test_rows_come_in_the_order_asked_for_and_a_missing_one_is_an_error(store):
    put(store, {name: np.ones(DIM, np.float32) for name in "abcd"})
    row_ids = store.row_ids()[::-1].copy()
    taken = store.take_in_order(row_ids, ["id"])
    assert taken["_rowid"].to_pylist() == row_ids.tolist()
    with pytest.raises(KeyError):
        store.take_in_order(np.array([row_ids[0], 9_999], np.uint64), ["id"])


def test_a_column_remembers_whose_it_is(store):
    store.add([record("1", **{"a.b": 1})], np.ones((1, DIM), np.float32))
    for number in range(20):
        put(LanceStore.open(store.location), {f"n{number}": [1, 0, 0, 0]}, **{"a.b": number})
    store.refresh()
    store.optimise()
    again = LanceStore.open(store.location)
    with pytest.raises(InputError, match=r"'a\.b' and 'a_b' would both be in the gallery's column 'a_b'"):
        put(again, {"1": [1, 0, 0, 0]}, a_b=2)
    put(again, {"1": [1, 0, 0, 0]}, **{"a.b": 3})
    assert again.find("1", ["a_b"])["a_b"].to_pylist() == [3]
