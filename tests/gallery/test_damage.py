from __future__ import annotations

import shutil

import pytest

from lookalike.errors import StoreCorruptError
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
