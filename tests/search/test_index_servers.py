"""Galleries whose index is on a Milvus server: what they find, and what they leave there."""

from __future__ import annotations

import json
import shutil
import time

import numpy as np
import pytest

from lookalike.api.gallery import open_gallery
from lookalike.gallery.lance_store import LanceStore
from lookalike.gallery.location import Location
from lookalike.search.upkeep import renew
from tests.cli.command import lookalike, lookalike_json, mistake

pytest.importorskip("pymilvus")

NOWHERE = "http://127.0.0.1:1"
ROWS = np.random.default_rng(0).normal(size=(400, 16)).astype(np.float32)


@pytest.fixture
def no_grace(monkeypatch):
    """Let a collection that is not referred to go at once."""
    monkeypatch.setattr("lookalike.indexes.milvus_server._GRACE", -1)


def renewed(folder):
    """Bring the index up to date in this process, as ``lookalike optimize`` does, and return what was said."""
    said = []
    renew(LanceStore.open(Location(folder / ".lookalike")), said.append, even_if_little_changed=True)
    return said


def collections(milvus):
    return set(milvus.list_collections())


def searched(folder, *options, query="id:e.npy#7"):
    return lookalike_json("search", query, "-k", 5, *options, cwd=folder)


def ids(found):
    return [hit["id"] for hit in found["hits"]]


@pytest.fixture
def gallery(tmp_path, milvus):
    """A folder with a gallery of 400 embeddings, and the collection that was made for it."""
    before = collections(milvus)
    np.save(tmp_path / "e.npy", ROWS)
    lookalike("index", "e.npy", "--index", "milvus", cwd=tmp_path)
    (made,) = collections(milvus) - before
    return tmp_path, made


@pytest.fixture(scope="module")
def shared(milvus_server, tmp_path_factory):
    """Such a folder for tests that leave the gallery as it is."""
    folder = tmp_path_factory.mktemp("shared")
    np.save(folder / "e.npy", ROWS)
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("LOOKALIKE_MILVUS_URI", milvus_server)
        lookalike("index", "e.npy", "--index", "milvus", cwd=folder)
    return folder


def test_the_command_line_searches_on_the_server(shared, milvus, monkeypatch):
    folder = shared
    (named,) = (folder / ".lookalike").rglob("collection.json")
    made = json.loads(named.read_text())["collection"]
    found = searched(folder)
    assert (found["exact"], found["index"]) == (False, "milvus")
    (counted,) = milvus.query(made, filter="", output_fields=["count(*)"], consistency_level="Strong")
    assert counted["count(*)"] == 400
    monkeypatch.setenv("LOOKALIKE_MILVUS_URI", NOWHERE)
    away = searched(folder)
    assert away["exact"]
    assert ids(away) == ids(found)
    assert [hit["score"] for hit in away["hits"]] == [hit["score"] for hit in found["hits"]]
    monkeypatch.delenv("LOOKALIKE_MILVUS_URI")
    assert searched(folder)["exact"]


def test_filters_and_changes_since_are_kept_to_the_letter(gallery, milvus):
    folder, made = gallery
    condition = ("--where", "id LIKE '%1' OR id LIKE '%3' OR id LIKE '%7'")
    allowed = ids(searched(folder, *condition))
    assert len(allowed) == 5
    assert all(item[-1] in "137" for item in allowed)
    first, second, *_ = ids(searched(folder))
    lookalike("remove", second, cwd=folder)
    assert second not in ids(searched(folder))
    rows = np.concatenate([ROWS[7:8] * 2, ROWS[8:9]])
    np.save(folder / "more.npy", rows)
    lookalike("index", "more.npy", cwd=folder)
    assert "more.npy#0" in ids(searched(folder))[:2]
    assert searched(folder)["index"] == "milvus"
    assert first in ids(searched(folder))
    lookalike("optimize", cwd=folder)
    assert searched(folder)["index"] == "milvus"
    assert made in collections(milvus)  # for some minutes, as somebody may still read it


def test_without_the_server_no_index_is_begun_and_a_gallery_that_has_one_goes_on(
    gallery, tmp_path_factory, monkeypatch
):
    folder, _ = gallery
    monkeypatch.setenv("LOOKALIKE_MILVUS_URI", NOWHERE)
    other = tmp_path_factory.mktemp("other")
    np.save(other / "e.npy", ROWS)
    assert "the Milvus server cannot be reached" in mistake("index", "e.npy", "--index", "milvus", cwd=other)
    assert "the Milvus server cannot be reached" in mistake("tune", "--index", "milvus", cwd=folder)
    np.save(folder / "more.npy", ROWS[:3] + 1)
    lookalike("index", "more.npy", cwd=folder)
    (told,) = [line for line in renewed(folder) if "is not built" in line]
    assert "searched exactly: http://127.0.0.1:1: the Milvus server cannot be reached" in told
    assert searched(folder)["exact"]


def test_a_replaced_collection_goes_and_those_of_others_stay(gallery, milvus, no_grace):
    folder, made = gallery
    milvus.create_collection("users", dimension=4)
    others = collections(milvus) - {made}
    np.save(folder / "more.npy", ROWS[:30] + 1)
    lookalike("index", "more.npy", cwd=folder)
    assert any("building the index milvus" in line for line in renewed(folder))
    (second,) = collections(milvus) - others
    assert second != made
    assert searched(folder)["index"] == "milvus"
    lookalike("index", "e.npy", "more.npy", "--index", "exact", cwd=folder)
    renewed(folder)
    assert collections(milvus) == others
    assert not (folder / ".lookalike" / "index_servers.json").exists()
    milvus.drop_collection("users")


def test_what_a_killed_build_left_goes(gallery, milvus, no_grace):
    folder, made = gallery
    owner = made.split("_")[1]
    for name in (f"lookalike_{owner}_1700000000_{'0' * 12}", f"lookalike_unclaimed_1700000000_{'1' * 12}"):
        milvus.create_collection(name, dimension=4)
    kept = f"lookalike_kept_1700000000_{'2' * 12}"
    milvus.create_collection(kept, dimension=4)
    renewed(folder)
    assert not {name for name in collections(milvus) if "_1700000000_" in name} - {kept}
    assert {made, kept} <= collections(milvus)
    milvus.drop_collection(kept)


def test_a_copy_takes_nothing_from_the_original(gallery, milvus, tmp_path_factory, no_grace):
    folder, made = gallery
    copy = tmp_path_factory.mktemp("copies") / "copy"
    shutil.copytree(folder, copy)
    np.save(copy / "more.npy", ROWS[:30] + 1)
    lookalike("index", "more.npy", cwd=copy)
    renewed(copy)
    assert searched(copy)["index"] == "milvus"
    assert made in collections(milvus)
    assert searched(folder)["index"] == "milvus"


def test_a_gallery_that_was_moved_still_cleans_up(gallery, milvus, tmp_path_factory, no_grace):
    folder, made = gallery
    moved = tmp_path_factory.mktemp("moves") / "moved"
    shutil.move(folder, moved)
    lookalike("index", "e.npy", "--index", "exact", cwd=moved)
    renewed(moved)
    assert made not in collections(milvus)


def test_the_gallery_holds_neither_the_address_nor_the_token(shared, milvus, milvus_server, monkeypatch):
    folder = shared
    monkeypatch.setenv("LOOKALIKE_MILVUS_TOKEN", "root:topsecret")
    lookalike("optimize", cwd=folder)
    files = [path.read_bytes() for path in (folder / ".lookalike").rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not any(secret in data for data in files for secret in (b"topsecret", milvus_server.encode()))


def test_the_file_of_the_mark_may_be_damaged(shared, milvus, no_grace):
    folder = shared
    for text in ("", "[]", '{"owner": 3}'):
        (folder / ".lookalike" / "index_servers.json").write_text(text)
        renewed(folder)
        assert searched(folder)["index"] == "milvus"


def test_a_gallery_that_was_opened_while_the_server_was_away_finds_it_again(shared, milvus, milvus_server, monkeypatch):
    monkeypatch.setattr("lookalike.search.searcher._LOOK_SECONDS", 0.2)
    monkeypatch.setenv("LOOKALIKE_MILVUS_URI", NOWHERE)
    gallery = open_gallery(shared)
    assert gallery.search("id:e.npy#7").is_exact
    monkeypatch.setenv("LOOKALIKE_MILVUS_URI", milvus_server)
    deadline = time.monotonic() + 60
    while gallery.search("id:e.npy#7").is_exact:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert gallery.search("id:e.npy#7").method.index == "milvus"
