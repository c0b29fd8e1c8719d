"""`lookalike errors`."""

from __future__ import annotations

import pytest

from tests.cli.command import album, lookalike, lookalike_json, mistake, picture


def test_lists_what_failed_until_it_is_mended(tmp_path):
    photos = album(tmp_path / "photos", 1)
    (photos / "bad.jpg").write_text("no picture")
    lookalike("index", "photos", cwd=tmp_path)
    failed = lookalike_json("errors", cwd=tmp_path)["failed"]
    assert [(item["id"], bool(item["reason"])) for item in failed] == [("photos/bad.jpg", True)]
    assert "bad.jpg" in lookalike("errors", cwd=tmp_path).stdout
    picture(photos / "bad.jpg", 5)
    assert lookalike_json("index", "photos", cwd=tmp_path)["added"] == 1
    assert lookalike_json("errors", cwd=tmp_path)["failed"] == []


def test_says_that_an_earlier_version_stays(tmp_path):
    photos = album(tmp_path / "photos", 2)
    lookalike("index", "photos", cwd=tmp_path)
    (photos / "odd" / "1.png").write_text("junk")
    for _ in range(2):
        report = lookalike_json("index", "photos", cwd=tmp_path)
        (failure,) = report["failed"]
        assert failure["reason"].endswith("; its earlier version stays in the gallery")
        assert report["total"] == 2
    assert "its earlier version stays" in lookalike("errors", cwd=tmp_path).stdout


@pytest.mark.parametrize("command", ["errors", "info"])
@pytest.mark.parametrize("damage", ["no versions", "cut off", "gone"])
def test_a_damaged_gallery_is_not_said_to_be_without_errors(tmp_path, command, damage):
    album(tmp_path / "photos", 2)
    lookalike("index", "photos", cwd=tmp_path)
    rows = tmp_path / ".lookalike" / "items.lance"
    for path in (rows / ("_versions" if damage == "no versions" else "data")).iterdir():
        if damage == "gone":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:50] if damage == "cut off" else b"")
    assert "is damaged (" in mistake(command, cwd=tmp_path)


def test_without_a_gallery_it_says_how_to_make_one(tmp_path):
    assert "lookalike index" in mistake("errors", cwd=tmp_path)
