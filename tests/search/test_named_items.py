"""What a user types means what it would mean to a person who looks at the folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from lookalike.gallery.record import Record
from lookalike.search.named_items import NamedItems
from tests.search.galleries import DIM, empty_gallery

ITEMS = {
    "photos/a/1.png": "./photos/a/1.png",
    "photos/a/2.jpg": "./photos/a/2.jpg",
    "photos/ab/3.png": "./photos/ab/3.png",
    "photos/a[1].png": "./photos/a[1].png",
    "photos/a1.png": "./photos/a1.png",
    "photos/scan": "./photos/scan",
    "file:photos/%FF.png": "./file:photos/%FF.png",
    "/elsewhere/4.png": "/elsewhere/4.png",
    "shards/x.tar/cat": "tar:{base}/shards/x.tar#cat.jpg",
    "shards/xy.tar/dog": "tar:{base}/shards/xy.tar#dog.jpg",
    "t.parquet#0": "table:{base}/t.parquet#0",
    "t.parquet#photo/1": "table:{base}/t.parquet#1",
    "saved/train/0": "dataset:{base}/saved#train/0",
    "owner/beans/train/0": "hf:owner/beans#train/0",
    "owner/beans/test/0": "hf:owner/beans#test/0",
    "http://host/a/5.jpg": "http://host/a/5.jpg",
    "http://host/ab/6.jpg": "http://host/ab/6.jpg",
    "zip://in/7.png::/z.zip": "zip://in/7.png::/z.zip",
    "zip://in/deep/8.png::/z.zip": "zip://in/deep/8.png::/z.zip",
    "zip://in/7.png::/y.zip": "zip://in/7.png::/y.zip",
    "anna": "table:{base}/given/e.parquet#0",
}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = empty_gallery(tmp_path)
    records = [Record(item, uri.format(base=tmp_path), "d", "s", 1, {}) for item, uri in ITEMS.items()]
    store.add(records, np.ones((len(records), DIM), np.float32))
    return store


def meant(store, *names):
    named = NamedItems(names, store)
    base = store.location.base
    return [item for item, uri in ITEMS.items() if named.mean(item, uri.format(base=base))], named.unused


@pytest.mark.parametrize(
    ("name", "items"),
    [
        ("photos/a/1.png", ["photos/a/1.png"]),
        ("./photos/../photos/a/1.png", ["photos/a/1.png"]),
        ("photos/a", ["photos/a/1.png", "photos/a/2.jpg"]),
        ("photos/a/", ["photos/a/1.png", "photos/a/2.jpg"]),
        ("photos/scan", ["photos/scan"]),
        ("file:photos/%FF.png", ["file:photos/%FF.png"]),
        (os.fsdecode(b"photos/\xff.png"), ["file:photos/%FF.png"]),
        ("photos", [item for item in ITEMS if "photos/" in item]),
        (".", [item for item in ITEMS if not item.startswith(("/", "owner", "http", "zip"))]),
        ("/elsewhere", ["/elsewhere/4.png"]),
        ("/", [item for item in ITEMS if not item.startswith(("owner", "http", "zip"))]),
        ("photos/**/*.png", [item for item in ITEMS if "photos/" in item and item.endswith(".png")]),
        ("photos/a*/*.png", ["photos/a/1.png", "photos/ab/3.png"]),
        ("photos/a[1].png", ["photos/a[1].png"]),
        ("photos/a[2-9]*.png", []),
        ("shards/x.tar", ["shards/x.tar/cat"]),
        ("shards/x.tar/cat", ["shards/x.tar/cat"]),
        ("shards", ["shards/x.tar/cat", "shards/xy.tar/dog"]),
        ("t.parquet", ["t.parquet#0", "t.parquet#photo/1"]),
        ("t.parquet#0", ["t.parquet#0"]),
        ("saved", ["saved/train/0"]),
        ("saved/train", ["saved/train/0"]),
        ("hf:owner/beans", ["owner/beans/train/0", "owner/beans/test/0"]),
        ("hf:owner/beans:test", ["owner/beans/test/0"]),
        ("owner/beans/train", ["owner/beans/train/0"]),
        ("owner/beans/*/0", ["owner/beans/train/0", "owner/beans/test/0"]),
        ("http://host/a", ["http://host/a/5.jpg"]),
        ("http://host/a/5.jpg", ["http://host/a/5.jpg"]),
        ("zip://in/7.png::/z.zip", ["zip://in/7.png::/z.zip"]),
        ("zip://in::/z.zip", ["zip://in/7.png::/z.zip", "zip://in/deep/8.png::/z.zip"]),
        ("zip://in/deep/::/z.zip", ["zip://in/deep/8.png::/z.zip"]),
        ("zip://::/z.zip", ["zip://in/7.png::/z.zip", "zip://in/deep/8.png::/z.zip"]),
        ("zip://i::/z.zip", []),
        ("given/e.parquet", ["anna"]),
        ("given/e.parquet#0", ["anna"]),
        ("given", ["anna"]),
        ("anna", ["anna"]),
        ("id:photos/a/1.png", ["photos/a/1.png"]),
        ("id:photos/a", []),
        ("id:owner/beans/test/0", ["owner/beans/test/0"]),
        ("id:owner/beans", []),
        ("nothing", []),
        ("photos/a/1.pn", []),
    ],
)  # fmt: skip
def test_a_name_means(store, name, items):
    found, unused = meant(store, name)
    assert found == items
    assert unused == ([] if items else [name])


def test_paths_are_relative_to_the_working_folder_and_ids_are_not(store, monkeypatch, tmp_path, tmp_path_factory):
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path / "photos")
    assert meant(store, "a/1.png") == (["photos/a/1.png"], [])
    assert meant(store, "photos/a/1.png") == ([], ["photos/a/1.png"])
    assert meant(store, "id:photos/a/1.png") == (["photos/a/1.png"], [])
    assert meant(store, "../shards", "*.jpg") == (["shards/x.tar/cat", "shards/xy.tar/dog"], ["*.jpg"])
    link = tmp_path_factory.mktemp("elsewhere") / "link"
    link.symlink_to(tmp_path)
    (tmp_path / "photos" / "a").mkdir()
    assert meant(store, str(link / "photos" / "a"))[0] == ["photos/a/1.png", "photos/a/2.jpg"]


def test_several_names_mean_what_each_of_them_means(store):
    names = ("photos/a/1.png", "photos/a", "photos/a/", "id:photos/a/1.png", "no", "t.parquet", "gone/*")
    assert meant(store, *names) == (
        ["photos/a/1.png", "photos/a/2.jpg", "t.parquet#0", "t.parquet#photo/1"],
        ["no", "gone/*"],
    )


def test_the_home_folder_has_its_sign(store, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "photos"))
    assert meant(store, "~/a")[0] == ["photos/a/1.png", "photos/a/2.jpg"]
    assert not Path("~").exists()
