"""`lookalike duplicates` and `lookalike diff`."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image

from tests.cli.command import lookalike, lookalike_json, mistake


@pytest.fixture
def photos(tmp_path, beans):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, path in enumerate(sorted((beans / "test").rglob("*.jpg"))[:4]):
        shutil.copy(path, photos / f"{number}.jpg")
    shutil.copy(photos / "0.jpg", photos / "0-copy.jpg")
    Image.open(photos / "1.jpg").save(photos / "1-small.jpg", quality=60)
    (photos / "broken.jpg").write_text("no picture")
    lookalike("index", "photos", cwd=tmp_path)
    return photos


def test_found_moved_and_brought_back(tmp_path, photos):
    found = lookalike_json("duplicates", cwd=tmp_path)
    assert {(g["keep"], i["id"], i["kind"]) for g in found["groups"] for i in g["items"]} == {
        ("photos/0.jpg", "photos/0-copy.jpg", "exact"),
        ("photos/1.jpg", "photos/1-small.jpg", "same"),
    }
    page = tmp_path / "groups.html"
    shown = lookalike("duplicates", "--trash", "--dry-run", "--save", page, cwd=tmp_path)
    assert "2 groups: 1 exact, 1 same, 0 similar" in shown.stderr
    assert "photos/1-small.jpg" in page.read_text()
    assert len(list(photos.iterdir())) == 7
    moved = lookalike_json("duplicates", "--trash", cwd=tmp_path)
    assert {move["id"] for move in moved["moved"]} == {"photos/0-copy.jpg", "photos/1-small.jpg"}
    assert len(list(photos.iterdir())) == 5
    assert lookalike_json("info", cwd=tmp_path)["total"] == 4
    back = lookalike_json("duplicates", "--undo", cwd=tmp_path)
    assert {move["to"] for move in back["moved"]} == {str(photos / "0-copy.jpg"), str(photos / "1-small.jpg")}
    assert lookalike_json("info", cwd=tmp_path)["total"] == 6


def test_reviewed_ones_are_not_shown_again(tmp_path, photos):
    lookalike("duplicates", "--not", "photos/0.jpg", "photos/0-copy.jpg", cwd=tmp_path)
    found = lookalike_json("duplicates", cwd=tmp_path)
    assert [group["keep"] for group in found["groups"]] == ["photos/1.jpg"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--threshold", "x"], "a cosine above 0 and up to 1, or auto"),
        (["--keep", "x"], "no rule of what to keep named 'x'"),
        (["--save", "x.txt"], ".html"),
        (["--undo"], "nothing to undo"),
        (["--not", "photos/0.jpg"], "at least two items"),
        (["--not", "photos/0.jpg", "x"], "no item 'x'"),
        (["photos/0.jpg"], "--not"),
        (["--trash", "--kinds", "x"], "there is no kind of duplicates named 'x'"),
        (["--move-to", "photos/away"], "lies in the folder of the gallery"),
    ],
)
def test_mistakes_are_told_in_a_sentence(tmp_path, photos, arguments, sentence):
    assert sentence in mistake("duplicates", *arguments, cwd=tmp_path)


def test_folders_and_galleries_are_compared(tmp_path, photos):
    other = tmp_path / "other"
    other.mkdir()
    Image.open(photos / "1.jpg").rotate(90).save(other / "turned.jpg", quality=80)
    Image.effect_noise((64, 64), 50).save(other / "noise.png")
    for first in (tmp_path, photos):  # the gallery, and its folder of photos, which is none itself
        found = lookalike_json("diff", other, first, cwd=tmp_path)
        assert [(pair["id"].rpartition("/")[2], pair["kind"]) for pair in found["both"]] == [("turned.jpg", "same")]
        assert [item["id"].rpartition("/")[2] for item in found["only_a"]] == ["noise.png"]
        assert len(found["only_b"]) == 4
    assert "no such folder" in mistake("diff", other, tmp_path / "nowhere", cwd=tmp_path)


def test_a_dry_run_says_what_would_go_and_what_would_not(tmp_path, photos):
    lookalike_json("duplicates", cwd=tmp_path)
    would = lookalike_json("duplicates", "--trash", "--dry-run", cwd=tmp_path)
    assert would == {"would_move": ["photos/0-copy.jpg", "photos/1-small.jpg"], "failed": []}
    (photos / "0.jpg").unlink()
    would = lookalike_json("duplicates", "--trash", "--dry-run", cwd=tmp_path)
    assert would["would_move"] == ["photos/1-small.jpg"]
    assert "which it is a duplicate of, is gone" in would["failed"][0]["reason"]
    assert lookalike_json("duplicates", "--trash", "--dry-run", "--kinds", "similar", cwd=tmp_path)["would_move"] == []
    assert (photos / "1-small.jpg").exists()
    left = lookalike("duplicates", "--trash", cwd=tmp_path, code=1)
    assert "1 files moved away; --undo brings them back" in left.stderr
    assert (photos / "0-copy.jpg").exists()


@pytest.mark.parametrize("more", [["--dry-run"], ["--trash"], ["--move-to", "elsewhere"]])
def test_an_undo_is_nothing_else(tmp_path, photos, more):
    assert "give it without --trash" in mistake("duplicates", "--undo", *more, cwd=tmp_path)
