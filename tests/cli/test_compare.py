from __future__ import annotations

import shutil

import pytest
from PIL import Image

from tests.cli.command import album, lookalike, lookalike_json, mistake

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from tests.encoders.checkpoints import save_vit


@pytest.fixture
def leaves(beans, tmp_path):
    """Ten photos of each of two labels."""
    for label in ("bean_rust", "healthy"):
        (tmp_path / "leaves" / label).mkdir(parents=True)
        for path in sorted((beans / "test" / label).iterdir())[:10]:
            shutil.copy(path, tmp_path / "leaves" / label)
    return tmp_path / "leaves"


def test_encoders_are_compared_by_labels_and_drawn(leaves, tmp_path):
    save_vit(tmp_path / "vit")
    options = ["--images", "leaves", "--label-from", "parent", "--plot", "plot.png"]
    found = lookalike_json("compare", "embedded", "vit", "no-such-model", *options, cwd=tmp_path)
    assert (found["images"], found["judged_by"]) == (20, "labels")
    embedded, vit, missing = found["models"]
    assert [row["model"] for row in found["models"]] == ["embedded", "vit", "no-such-model"]
    assert (embedded["dim"], vit["dim"], vit["bytes_per_image"]) == (1280, 32, 128)
    assert embedded["quality"]["queries"] == 20
    assert vit["quality"]["map"] < embedded["quality"]["map"]
    assert embedded["error"] is None
    assert missing.keys() == {"model", "error"}
    assert "no encoder named 'no-such-model'" in missing["error"]
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.width > 500


def test_a_gallery_lends_its_images_and_without_labels_copies_judge(tmp_path):
    album(tmp_path / "photos", 4)
    lookalike("index", "photos", cwd=tmp_path)
    done = lookalike("compare", "embedded", "embedded@f32", "--sample", "3", cwd=tmp_path)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == ["embedded", "embedded@f32"]
    assert rows[0][2:4] == ["1280", "5,120"]
    assert rows[0][5:7] == rows[1][5:7]  # the same space, the same quality
    assert 0.0 < float(rows[0][5]) <= float(rows[0][6]) <= 1.0
    assert rows[0][7] == ""
    assert "3 images, judged by changed copies" in done.stderr


def test_choices_hold_for_every_model_and_a_precision_for_its_own(tmp_path):
    pytest.importorskip("nncf")
    save_vit(tmp_path / "vit")
    album(tmp_path / "photos", 8)
    options = ["--images", "photos", "--pooling", "mean", "--device", "cpu"]
    found = lookalike_json("compare", "vit", "vit@int8", "embedded", *options, cwd=tmp_path)
    plain, quantised, embedded = found["models"]
    assert (plain["encoder"]["pooling"], plain["encoder"]["precision"]) == ("mean", "f32")
    assert (quantised["encoder"]["pooling"], quantised["encoder"]["precision"]) == ("mean", "int8")
    assert "mean" in embedded["error"]  # it has one pooling
    other = lookalike_json("compare", "vit@int8", "--images", "photos", "--runtime", "torch", cwd=tmp_path, code=2)
    assert "int8 is computed by OpenVINO" in other["models"][0]["error"]


def test_mistakes_are_told_before_anything_runs(tmp_path):
    album(tmp_path / "photos", 3)
    assert "make one with: lookalike index" in mistake("compare", "embedded", cwd=tmp_path)
    assert "no such file or folder" in mistake("compare", "embedded", "--images", "photo", cwd=tmp_path)
    both = mistake("compare", "embedded", "--images", "photos", "--gallery", "g", cwd=tmp_path)
    assert "name one of them" in both
    wrong = mistake("compare", "embedded", "--images", "photos", "--plot", "p.svg", cwd=tmp_path)
    assert "saved as .png" in wrong
    for path in (tmp_path / "photos" / "even").iterdir():
        path.unlink()
    alone = mistake("compare", "embedded", "--images", "photos", "--label-from", "taken", cwd=tmp_path)
    assert "has no attribute 'taken'" in alone


def test_if_every_model_fails_so_does_the_command(tmp_path):
    album(tmp_path / "photos", 2)
    done = lookalike("compare", "smal", "--images", "photos", "--plot", "p.png", cwd=tmp_path, code=2)
    assert done.stdout.split("\t")[-1].strip() == "there is no encoder named 'smal'; did you mean 'small'?"
    assert not (tmp_path / "p.png").exists()
