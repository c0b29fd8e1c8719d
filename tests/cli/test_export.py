"""`lookalike export`, and what is done with a searcher for phones on the command line."""

from __future__ import annotations

import shutil

import pytest

from tests.cli.command import lookalike, lookalike_json, mistake


@pytest.fixture(scope="module")
def folder(tmp_path_factory, beans):
    folder = tmp_path_factory.mktemp("album")
    (folder / "photos").mkdir()
    for number, path in enumerate(sorted((beans / "test").rglob("*.jpg"))[:6]):
        shutil.copy(path, folder / "photos" / f"{number}.jpg")
    lookalike("index", "photos", cwd=folder)
    return folder


def test_a_searcher_is_made_looked_into_and_asked(folder):
    told = lookalike("export", "tflite", "--output", "s.tflite", cwd=folder).stderr
    assert "6 images" in told
    assert "recall@10 against exact search: 1.000" in told
    about = lookalike_json("info", "s.tflite", cwd=folder)
    assert (about["rows"], about["dim"], about["index"]) == (6, 1280, "float")
    assert "EfficientNet-Lite0, 224x224" in lookalike("info", "s.tflite", cwd=folder).stdout
    found = lookalike_json("search", "photos/3.jpg", "--gallery", "s.tflite", "-k", "2", cwd=folder)
    assert found["hits"][0]["id"] == "photos/3.jpg"
    assert found["hits"][0]["score"] == pytest.approx(1, abs=1e-5)
    assert len(found["hits"]) == 2


def test_browsers_get_onnx(folder):
    made = lookalike_json("export", "onnx", "--output", "onnx", cwd=folder)
    assert made["rows"] == 6
    assert {path.name for path in (folder / "onnx").iterdir()} == {"encoder.onnx", "gallery.parquet", "gallery.json"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["export", "tflite", "--output", "s.bin"], ".tflite"),
        (["export", "tflite", "--output", "s2.tflite", "--max-size", "x"], "no size"),
        (["export", "tflite", "--output", "s2.tflite", "--max-size", "1MB"], "the model alone has 13"),
        (["export", "tflite", "--output", "s2.tflite", "--index", "tree"], "tree"),
        (["export", "tflite", "--output", "s2.tflite", "--model-precision", "f16"], "f32 or int8"),
        (["export", "tflite", "--output", "s2.tflite", "--model", "none.tflite"], "none.tflite"),
        (["search", "photos/1.jpg", "--gallery", "none.tflite"], "none.tflite"),
        (["info", "photos"], "--gallery photos"),
    ],
)
def test_mistakes_are_told_in_a_sentence(folder, arguments, sentence):
    assert sentence in mistake(*arguments, cwd=folder)
