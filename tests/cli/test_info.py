"""`lookalike info`."""

from __future__ import annotations

import pytest

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


def test_says_what_was_picked_of_a_checkpoint_and_why(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tests.encoders import checkpoints

    album(tmp_path / "photos", 2)
    checkpoints.save_vit(tmp_path / "vit")
    lookalike("index", "photos", "--encoder", "vit", cwd=tmp_path)
    shown = lookalike("info", cwd=tmp_path).stdout
    assert "cls (a token stands for the whole image)" in shown
    assert "fast" in shown
    encoder = lookalike_json("info", cwd=tmp_path)["encoder"]
    assert (encoder["pooling"], encoder["preprocessing"]) == ("cls", "fast")
    assert encoder["pooling_reason"] == "a token stands for the whole image"
    # what was prepared in one way is not searched in the other
    sentence = mistake("search", "photos/even/0.png", "--exact-preprocessing", cwd=tmp_path)
    assert "with fast preprocessing, not by preprocessing processor: leave the encoder options out" in sentence


def test_without_a_gallery_it_says_how_to_make_one(tmp_path):
    assert "lookalike index" in mistake("info", cwd=tmp_path)
