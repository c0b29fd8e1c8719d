"""A file that was cut off while it was written is never part of the gallery."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import lance
import numpy as np
import pyarrow as pa
import pytest

from lookalike.gallery.commits import append, compact, drop_replaced, merge
from lookalike.gallery.record import to_table
from tests.search.galleries import DIM, empty_gallery, put, record

resource = pytest.importorskip("resource")


@contextmanager
def file_limit(size):
    """Let no file grow beyond a size in bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def store(tmp_path):
    store = empty_gallery(tmp_path)
    for i in range(4):
        put(store, {f"{i}{j:02}": [i, j, 0, 0] for j in range(50)})
    return store


def opened(store):
    return lance.dataset(str(store.location.rows))


def rows(store, names):
    return to_table([record(name) for name in names], np.ones((len(names), DIM), np.float32), opened(store).schema)


def newest_file(store):
    return max((store.location.rows / "data").iterdir(), key=lambda path: path.stat().st_mtime_ns)


WRITES = {
    "append": lambda store: append(opened(store), rows(store, [f"new{i}" for i in range(50)])),
    "merge": lambda store: merge(opened(store), rows(store, [f"0{i:02}" for i in range(50)])),
    "compact": lambda store: compact(opened(store)),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("missing", [1, 100, 400])
def test_a_write_that_was_cut_off_changes_nothing(store, tmp_path, name, missing):
    before = opened(store).to_table().sort_by("id")
    version = opened(store).version
    twin = empty_gallery(tmp_path / "twin")
    for i in range(4):
        put(twin, {f"{i}{j:02}": [i, j, 0, 0] for j in range(50)})
    WRITES[name](twin)
    with file_limit(newest_file(twin).stat().st_size - missing), pytest.raises((OSError, RuntimeError, ValueError)):
        WRITES[name](store)
    assert opened(store).version == version
    assert opened(store).to_table().sort_by("id") == before
    WRITES[name](store)
    assert opened(store).to_table().sort_by("id") == opened(twin).to_table().sort_by("id")


@pytest.mark.parametrize("change", ["none", "a new column", "a deleted row", "a replaced row", "all"])
def test_merging_small_files_changes_no_row(tmp_path, change):
    store = empty_gallery(tmp_path)
    for i in range(6):
        put(store, {f"{i}{j:02}": [i, j, 0, 0] for j in range(50)})
    if change in ("a new column", "all"):
        store.add([record("new", colour="red")], np.ones((1, DIM), np.float32))
    if change in ("a deleted row", "all"):
        store.delete(["003", "244"])
    if change in ("a replaced row", "all"):
        put(store, {"105": [7, 7, 7, 7]})

    def state():
        table = opened(store).to_table(with_row_id=True).sort_by("id")
        newer = [store.scan(["id"], newer_than=version) for version in (3, 5, 7, 8)]
        return table, [sorted(item for batch in batches for item in batch["id"].to_pylist()) for batches in newer]

    before = state()
    compact(opened(store))
    store.refresh()
    assert len(opened(store).get_fragments()) == 1
    after = state()
    assert after[0].equals(before[0])
    assert after[1] == before[1]
    store.add([record("last", colour="blue")], np.ones((1, DIM), np.float32))
    assert opened(store).to_table(filter="colour = 'blue'")["id"].to_pylist() == ["last"]


def test_a_column_that_was_added_but_is_in_no_file_survives(store):
    handle = opened(store)
    handle.add_columns([pa.field("colour", pa.string())])
    compact(opened(store))
    table = opened(store).to_table()
    assert table["colour"].null_count == len(table) == 200


def test_a_version_is_kept_for_a_while_after_it_was_replaced_however_old_it_is(store):
    for number in range(4):
        put(store, {f"new{number}": [number, 0, 0, 0]})
    table = lance.dataset(str(store.location.rows))
    versions = [(version["version"], version["timestamp"]) for version in table.versions()]
    drop_replaced(table, before=versions[0][1])
    assert [version["version"] for version in table.versions()] == [number for number, _ in versions]
    # the second of them had been replaced by the third for a microsecond, and the third is what was current then
    drop_replaced(table, before=versions[2][1] + timedelta(microseconds=1))
    assert [version["version"] for version in table.versions()] == [number for number, _ in versions[2:]]
    kept = store.at(versions[2][0])
    assert [len(kept.find(item, ["id"])) for item in ("000", "new3")] == [1, 0]
