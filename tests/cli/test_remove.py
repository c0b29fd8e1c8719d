"""`lookalike remove`, and the errors that name it."""

from __future__ import annotations

import shutil

import pytest

from tests.cli.command import album, lookalike, lookalike_json, mistake


@pytest.fixture
def photos(tmp_path):
    photos = album(tmp_path / "photos", 4)
    lookalike("index", "photos", cwd=tmp_path)
    return photos


def test_a_folder_that_is_gone_is_let_go_as_the_error_says(tmp_path, photos):
    shutil.rmtree(photos / "odd")
    sentence = mistake("index", photos / "odd", cwd=tmp_path)
    assert "there is no such file or folder; its 2 images stay in the gallery until: " in sentence
    command = sentence.partition("until: lookalike ")[2].split()
    shown = lookalike(*command, "--dry-run", cwd=tmp_path)
    assert shown.stdout.splitlines() == ["photos/odd/1.png", "photos/odd/3.png"]
    assert "2 of 4 images would be removed" in shown.stderr
    assert lookalike_json("info", cwd=tmp_path)["total"] == 4
    done = lookalike_json(*command, cwd=tmp_path)
    assert done == {"removed": 2, "ids": ["photos/odd/1.png", "photos/odd/3.png"], "total": 2}
    assert "no such file or folder" in mistake("index", photos / "odd", cwd=tmp_path)
    assert "remove" not in mistake("index", photos / "odd", cwd=tmp_path)


def test_an_emptied_folder_and_a_pattern_are_let_go_too(tmp_path, photos, tmp_path_factory):
    for path in (photos / "odd").iterdir():
        path.unlink()
    for source in ("photos/odd", "photos/odd/*.png"):
        sentence = mistake("index", source, cwd=tmp_path)
        assert "no images" in sentence
        assert "its 2 images stay in the gallery until: lookalike remove " in sentence
    sentence = mistake("index", photos / "odd", "--gallery", tmp_path, cwd=tmp_path_factory.mktemp("elsewhere"))
    assert sentence.endswith(f"until: lookalike remove {photos / 'odd'} --gallery {tmp_path / '.lookalike'}")


def test_items_can_be_selected(tmp_path, photos):
    (photos / "even" / "0.png").unlink()
    assert lookalike_json("remove", "--missing", cwd=tmp_path)["ids"] == ["photos/even/0.png"]
    asked = lookalike_json("remove", "photos", "--where", "folder = 'odd'", "--dry-run", cwd=tmp_path)
    assert asked == {"removed": 0, "ids": ["photos/odd/1.png", "photos/odd/3.png"], "total": 3}
    assert "1 removed; 2 images in" in lookalike("remove", "id:photos/odd/1.png", cwd=tmp_path).stderr
    assert (photos / "odd" / "1.png").exists()
    assert lookalike_json("index", "photos", cwd=tmp_path)["added"] == 1


def test_that_nothing_is_missing_is_no_mistake(tmp_path, photos):
    assert lookalike_json("remove", "--missing", cwd=tmp_path)["removed"] == 0
    assert lookalike_json("remove", "--missing", "--where", "folder = 'odd'", cwd=tmp_path)["removed"] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing was named"),
        (["nowhere"], "holds nothing that 'nowhere' means"),
        ([""], "an empty name"),
        (["--where", "folder = x"], "there is no attribute 'x'"),
        (["--where", "folder = 'none'"], "holds nothing that fits \"folder = 'none'\"; see"),
        (["--missing", "--where", "folder = 'none'"], "holds nothing that fits"),
        (["photos/even", "--where", "folder = 'odd'"], "among the items that are named"),
    ],
)
def test_a_mistake_is_one_sentence_and_removes_nothing(tmp_path, photos, arguments, words):
    assert words in mistake("remove", *arguments, cwd=tmp_path)
    assert lookalike_json("info", cwd=tmp_path)["total"] == 4
