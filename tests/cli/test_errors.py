"""`lookalike errors`."""

from __future__ import annotations

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


def test_without_a_gallery_it_says_how_to_make_one(tmp_path):
    assert "lookalike index" in mistake("errors", cwd=tmp_path)
