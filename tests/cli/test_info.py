"""`lookalike info`."""

from __future__ import annotations

from tests.cli.command import album, lookalike, lookalike_json, mistake


def test_says_what_the_gallery_holds(tmp_path):
    photos = album(tmp_path / "photos", 3)
    (photos / "bad.jpg").write_text("no picture")
    lookalike("index", "photos", cwd=tmp_path)
    info = lookalike_json("info", cwd=tmp_path)
    assert (info["total"], info["failed"]) == (3, 1)
    assert info["encoder"]["name"] == "embedded"
    assert info["encoder"]["precision"] == "f32"
    assert info["attributes"] == ["folder", "width", "height", "taken"]
    assert 3 * 1280 * 4 < info["bytes"] < 1_000_000
    assert "embedded" in lookalike("info", cwd=tmp_path).stdout


def test_without_a_gallery_it_says_how_to_make_one(tmp_path):
    assert "lookalike index" in mistake("info", cwd=tmp_path)
