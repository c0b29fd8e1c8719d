from __future__ import annotations

from lookalike.building.inventory import Inventory
from tests.search.galleries import empty_gallery, put


def test_knows_what_the_gallery_holds(tmp_path):
    store = empty_gallery(tmp_path)
    put(store, {f"{i}": [i, 0, 0, 0] for i in range(5_000)})
    inventory = Inventory(store)
    names = {row["_rowid"]: row["id"] for row in store.take(store.row_ids(), ["id"]).to_pylist()}
    for i in range(0, 5_000, 2):
        assert names[inventory.list(f"{i}")] == f"{i}"
    assert inventory.list("5000") is None
    assert inventory.has_stamp("7", "1")
    assert not inventory.has_stamp("7", "2")
    assert not inventory.has_stamp("5000", "1")
    assert [names[row] for row in inventory.rows_with_digest("77").tolist()] == ["77"]
    assert len(inventory.rows_with_digest("none")) == 0
    unlisted = [item for chunk in inventory.unlisted() for item in chunk]
    assert sorted(unlisted) == sorted((f"{i}", "1") for i in range(1, 5_000, 2))


def test_of_an_empty_gallery_knows_nothing(tmp_path):
    inventory = Inventory(empty_gallery(tmp_path))
    assert inventory.list("a") is None
    assert not inventory.has_stamp("a", "1")
    assert len(inventory.rows_with_digest("a")) == 0
    assert list(inventory.unlisted()) == []
