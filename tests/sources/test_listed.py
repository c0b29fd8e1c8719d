from __future__ import annotations

import os

import pytest

from lookalike.errors import SourceError
from lookalike.sources.folder import FolderSource
from lookalike.sources.listed import ListedSource, ListName
from lookalike.sources.urls import url_source
from tests.sources.trees import ids, picture, plant
from tests.sources.web import serving


def listed(folder, *texts, base=None):
    entries = [(text, {"row": number}) for number, text in enumerate(texts)]
    return ListedSource(ListName("list", "/x/list"), lambda: iter(entries), folder=folder, base=base or folder)


def test_a_file_is_the_same_item_as_in_its_folder(tmp_path, monkeypatch):
    plant(tmp_path, ["g/in/1.png", "out/2.png", b"g/in/\xff.png"])
    base = tmp_path / "g"
    (tmp_path / "alias").symlink_to(base)
    there = {ref.id: ref for root in (base, tmp_path / "out") for ref in FolderSource(root, base=base)}
    odd = os.fsdecode(b"../g/in/\xff.png")
    source = listed(tmp_path / "out", "../alias/in/./1.png", str(tmp_path / "out/2.png"), odd, base=base)
    for ref in source:
        same = there.pop(ref.id)
        assert (ref.uri, ref.stamp, ref.size) == (same.uri, same.stamp, same.size)
        assert ref.attributes["folder"] == same.attributes["folder"]
        assert source.read(ref) == FolderSource(base, base=base).read(same)
    assert there == {}


def test_an_item_is_listed_once_with_the_attributes_of_the_first(tmp_path):
    plant(tmp_path, ["1.png", "2.png"])
    source = listed(tmp_path, "2.png", "1.png", "./2.png", str(tmp_path / "1.png"))
    assert [(ref.id, ref.attributes["row"]) for ref in source] == [("2.png", 0), ("1.png", 1)]
    assert ids(source) == ["2.png", "1.png"]


def test_it_covers_what_it_lists(tmp_path):
    plant(tmp_path, ["1.png", "2.png"])
    source = listed(tmp_path, "1.png", "gone.png", "http://a/1.png", "")
    assert [source.covers(item) for item in ("1.png", "gone.png", "http://a/1.png", "list#3")] == [True] * 4
    assert [source.covers(item) for item in ("2.png", "list#0", "list", "")] == [False] * 4


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("gone.png", "No such file"),
        ("folder", "it is a folder"),
        ("pipe.png", "it is not a regular file"),
        ("", "it names no picture"),
        ("a\0b.png", "it is no path"),
        ("a" * 5000, "File name too long"),
    ],
)
def test_an_entry_that_is_no_file_fails_alone(tmp_path, text, reason):
    plant(tmp_path, ["1.png"])
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    source = listed(tmp_path, text, "1.png")
    bad, good = source
    assert bad.stamp == ""
    assert source.read(good) == picture()
    with pytest.raises(OSError, match=reason):
        source.read(bad)


def test_web_pictures_are_fetched_and_known_by_their_urls(tmp_path):
    with serving() as server:
        url = server.put("/1.png", picture(5))
        source = listed(tmp_path, url, server.url("/2.png"))
        good, bad = source
        assert (good.id, good.uri, good.attributes) == (url, url, {"row": 0})
        assert good.stamp
        assert server.asked == []
        assert source.read(good) == picture(5)
        with pytest.raises(SourceError, match="404"):
            source.read(bad)
        single = url_source(url, base=tmp_path)
        assert [(ref.id, single.read(ref)) for ref in single] == [(url, picture(5))]
        assert single.uri == url
    assert list(tmp_path.iterdir()) == []


def test_an_empty_list_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="/x/list: the list is empty"):
        list(listed(tmp_path))
