from __future__ import annotations

import sys

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.gallery.record import Record
from lookalike.gallery.skipped_store import SkippedItem
from lookalike.search.selection import Choice, Selected, select
from tests.e2e.children import python
from tests.search.galleries import DIM, empty_gallery
from tests.toys import plant


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plant(tmp_path / "kept", range(2))
    store = empty_gallery(tmp_path)
    ids = ["kept/0000.png", "kept/0001.png", "kept/gone.png", "gone/0002.png", "kept/0001.png/inside.png"]
    records = [
        Record(item, f"./{item}", "d", "s", 1, {"folder": item.split("/")[0], "n": n}) for n, item in enumerate(ids)
    ]
    records.append(Record("owner/set/train/0", "hf:owner/set#train/0", "d", "s", 1, {}))
    records.append(Record("http://host/a.jpg", "http://host/a.jpg", "d", "s", 1, {}))
    store.add(records, np.ones((len(records), DIM), np.float32))
    return store


SKIPPED = [
    SkippedItem("kept/0001.png", "./kept/0001.png", "junk", ""),
    SkippedItem("gone/bad.png", "./gone/bad.png", "junk", ""),
    SkippedItem("http://host/no.jpg", "http://host/no.jpg", "refused", ""),
]


def selected(store, *names, **choice):
    return select(store, SKIPPED, Choice(names or None, **choice))


def test_an_item_must_fit_all_that_is_given(store):
    assert selected(store, "gone") == Selected(("gone/0002.png",), ("gone/bad.png",))
    assert selected(store, "kept", where="n > 0").ids == ("kept/0001.png", "kept/0001.png/inside.png", "kept/gone.png")
    assert selected(store, "kept", where="n > 1", missing=True).ids == ("kept/0001.png/inside.png", "kept/gone.png")
    assert selected(store, where="folder = 'gone'") == Selected(("gone/0002.png",), ())


def test_only_what_has_a_file_of_its_own_can_be_missing(store):
    found = selected(store, missing=True)
    assert found == Selected(("gone/0002.png", "kept/0001.png/inside.png", "kept/gone.png"), ("gone/bad.png",))


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (Choice(), "nothing was named: name ids, paths"),
        (Choice(["kept", " "]), "an empty name was given"),
        (Choice(["kept", "keptt"]), "the gallery holds nothing that 'keptt' means"),
        (Choice(where="nosuch = 1"), "there is no attribute 'nosuch'"),
        (Choice(["keptt"], where="n > 0"), "'keptt'"),
        (Choice(where="n > 99"), "nothing that fits 'n > 99'; see"),
        (Choice(where="n > 99", missing=True), "nothing that fits 'n > 99'; see"),
        (Choice(["kept"], where="folder = 'gone'"), "among the items that are named"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(store, choice, words):
    with pytest.raises(InputError, match=words) as raised:
        select(store, SKIPPED, choice)
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_what_may_not_be_looked_at_is_not_missing(store, tmp_path):
    (tmp_path / "kept").chmod(0)
    try:
        lines = python(
            """
            import sys
            from pathlib import Path
            from tests.e2e.children import heed_permissions
            heed_permissions()
            from lookalike.gallery.lance_store import LanceStore
            from lookalike.gallery.location import Location
            from lookalike.search.selection import Choice, select
            store = LanceStore.open(Location(Path(sys.argv[1]) / ".lookalike"))
            print(select(store, [], Choice(missing=True)).ids)
            """,
            tmp_path,
        )
    finally:
        (tmp_path / "kept").chmod(0o755)
    assert lines == ["('gone/0002.png',)"]
