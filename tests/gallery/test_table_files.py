from __future__ import annotations

import shutil

import pytest

from lookalike.errors import StoreCorruptError
from lookalike.gallery.lance_store import LanceStore
from lookalike.gallery.table_files import fingerprint
from tests.search.galleries import empty_gallery, put


@pytest.fixture
def store(tmp_path):
    store = empty_gallery(tmp_path)
    put(store, {"a": [1, 0, 0, 0], "b": [0, 1, 0, 0]})
    put(store, {"c": [1, 1, 0, 0]})
    store.delete(["a"])
    return store


def test_a_whole_gallery_has_none(store):
    store.check()
    store.optimise()
    store.check()


def test_an_empty_gallery_has_none(tmp_path):
    empty_gallery(tmp_path).check()


@pytest.mark.parametrize("kind", ["data", "_deletions"])
def test_a_missing_file_is_named(store, kind):
    shutil.rmtree(store.location.rows / kind)
    with pytest.raises(StoreCorruptError, match=rf"its file {kind}/\S+ is missing"):
        store.check()


def test_a_file_that_is_cut_off_is_named_with_its_sizes(store):
    path = sorted((store.location.rows / "data").iterdir())[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(StoreCorruptError, match=rf"{path.name} has {len(whole) - 1:,} of {len(whole):,} bytes"):
        store.check()


def test_an_empty_list_of_removed_rows_is_damage(store):
    (path,) = (store.location.rows / "_deletions").iterdir()
    path.write_bytes(b"")
    with pytest.raises(StoreCorruptError, match=f"{path.name} has 0 bytes"):
        store.check()


def test_each_commit_has_a_fingerprint_of_its_own(store, tmp_path):
    location = store.location
    found = [fingerprint(location, version) for version in range(1, store.version + 1)]
    assert len(set(found)) == store.version > 3
    assert all(found)
    assert fingerprint(location, store.version + 1) == ""
    copied = shutil.copytree(location.folder, tmp_path / "copy")
    copy = LanceStore.open(type(location)(copied))
    assert fingerprint(copy.location, store.version) == found[-1]
    for each in (store, copy):
        put(each, {"d": [1, 2, 3, 4]})
    assert copy.version == store.version
    assert fingerprint(copy.location, copy.version) != fingerprint(location, store.version)


def test_tables_are_told_apart_by_name(tmp_path):
    names = {empty_gallery(tmp_path / name).manifest.table for name in "abc"}
    assert len(names) == 3
    assert LanceStore.open(empty_gallery(tmp_path / "d").location).manifest.table not in {"", *names}
