"""The index over ids, through what is found by id while the gallery changes."""

from __future__ import annotations

import random
import shutil

import numpy as np
import pytest

from lookalike.gallery import id_index
from lookalike.gallery.lance_store import LanceStore, ids_filter
from tests.gallery.test_lance_store import ODD_IDS
from tests.search.galleries import DIM, empty_gallery, put, record

_FEW = 100


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(id_index, "_FEW_ROWS", _FEW)
    return empty_gallery(tmp_path)


def plan(store, item):
    return store._dataset.scanner(columns=["id"], filter=ids_filter([item])).explain_plan()


def found(store, item):
    return [row["embedding"][0] for row in store.find(item, ["embedding"]).to_pylist()]


def added(store, values):
    store.add([record(name) for name in values], np.array([[value] * DIM for value in values.values()], np.float32))


def test_ids_are_looked_up_in_it_once_there_are_many(store):
    added(store, {f"{i:05}": float(i) for i in range(_FEW - 1)})
    store.index_ids()
    assert "ScalarIndexQuery" not in plan(store, "00007")
    added(store, {"more": -1.0})
    store.index_ids()
    assert "ScalarIndexQuery" in plan(store, "00007")
    assert found(store, "00007") == [7.0]
    assert found(store, "absent") == []


@pytest.mark.parametrize("seed", range(3))
def test_what_is_found_is_what_the_gallery_holds_whatever_happens_to_it(store, seed):
    draw = random.Random(seed)
    held = {name: float(i) for i, name in enumerate(ODD_IDS)} | {f"{i:04}": float(i) for i in range(2 * _FEW)}
    added(store, held)
    for step in range(12):
        new = {f"{step}/{i}": draw.random() for i in range(draw.randrange(1, 40))}
        changed = {name: draw.random() for name in draw.sample(sorted(held), draw.randrange(1, 40))}
        gone = draw.sample(sorted(set(held) - set(changed)), draw.randrange(1, 20))
        added(store, new)
        put(store, {name: [value] * DIM for name, value in changed.items()})
        store.delete(gone)
        held |= new | changed
        for name in gone:
            del held[name]
        draw.choice([lambda: store.optimise(even_few=True), lambda: store.index_ids(even_few=True), lambda: None])()
        asked = [*gone, *new, *changed, *draw.sample(sorted(held), 20)]
        expected = [[] if name not in held else [float(np.float32(held[name]))] for name in asked]
        assert [found(store, name) for name in asked] == expected
    assert "ScalarIndexQuery" in plan(store, "0007")


@pytest.mark.parametrize("is_there", [True, False])
def test_without_its_files_ids_are_looked_through_and_the_next_writer_makes_it_anew(store, is_there):
    added(store, {f"{i:05}": float(i) for i in range(_FEW)})
    store.index_ids()
    folder = store.location.rows / "_indices"
    if is_there:
        for file in folder.rglob("*.lance"):
            file.write_bytes(file.read_bytes()[:-20])
    else:
        shutil.rmtree(folder)
    reopened = LanceStore.open(store.location)
    assert found(reopened, "00007") == [7.0]
    reopened.drop_damaged_index()
    assert "ScalarIndexQuery" not in plan(reopened, "00007")
    put(reopened, {"00007": [-7.0] * DIM})
    reopened.index_ids()
    assert "ScalarIndexQuery" in plan(reopened, "00007")
    assert found(reopened, "00007") == [-7.0]
