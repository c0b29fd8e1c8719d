from __future__ import annotations

from pathlib import Path

import pytest

import lookalike
from lookalike.gallery.location import Location, is_committed, locate
from tests.search.galleries import empty_gallery


def test_a_gallery_is_found_from_below_as_git_does(tmp_path, monkeypatch):
    empty_gallery(tmp_path)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert locate().folder == tmp_path / ".lookalike"
    empty_gallery(tmp_path / "a")
    assert locate().folder == tmp_path / "a" / ".lookalike"


def test_without_one_it_belongs_into_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locate() == Location(tmp_path / ".lookalike")
    assert not locate().exists()


def test_a_folder_of_that_name_without_a_gallery_in_it_is_passed_over(tmp_path, monkeypatch):
    empty_gallery(tmp_path)
    below = tmp_path / "a"
    (below / ".lookalike" / "items.lance" / "data").mkdir(parents=True)
    monkeypatch.chdir(below)
    assert locate().folder == tmp_path / ".lookalike"


def test_what_a_path_means(tmp_path, monkeypatch):
    full, empty, made = tmp_path / "full", tmp_path / "empty", tmp_path / "made"
    full.mkdir()
    (full / "x.jpg").touch()
    empty.mkdir()
    empty_gallery(made)
    (made / ".lookalike").rename(made / "mine")
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / "lock").touch()
    monkeypatch.chdir(tmp_path)
    meant = {
        "full": "full/.lookalike",  # a folder of photos
        "empty": "empty",
        "new": "new",
        "new/.lookalike": "new/.lookalike",
        "full/.lookalike": "full/.lookalike",
        "made/mine": "made/mine",
        "made": "made/.lookalike",
        "begun": "begun",  # a first run that was interrupted
        "./full/../new": "new",
        "full/x.jpg": "full/x.jpg",  # which cannot be one, as the first run will say
        "full/x.jpg/y": "full/x.jpg/y",
    }
    for path, folder in meant.items():
        assert locate(path).folder == tmp_path / folder
        assert locate(Path(path)).folder == tmp_path / folder


def test_home_is_understood(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert locate("~/g").folder == tmp_path / "g"


def test_ids_are_relative_to_the_folder_that_holds_it():
    assert Location(Path("/photos/.lookalike")).base == Path("/photos")


def test_a_table_counts_from_its_first_commit_on(tmp_path):
    assert not is_committed(tmp_path / "none")
    (tmp_path / "file").touch()
    assert not is_committed(tmp_path / "file")
    (tmp_path / "t" / "_versions").mkdir(parents=True)
    (tmp_path / "t" / "_versions" / "1.manifest.tmp").touch()
    assert not is_committed(tmp_path / "t")
    assert is_committed(empty_gallery(tmp_path).location.rows)


@pytest.mark.parametrize(
    "name", ["a b", "a%20b", "a#b", "a?b", "ü", "é", "a:b", "100%", "[x]", "~x", "a\\b", "*", "a'b", "\xa0"]
)
def test_a_gallery_may_lie_in_a_folder_of_any_name(tmp_path, name):
    folder = tmp_path / name
    store = empty_gallery(folder)
    assert len(store) == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(lookalike.open(folder)) == 0
    assert lookalike.open(folder).location.exists()
    assert [path.name for path in folder.iterdir()] == [".lookalike"]
