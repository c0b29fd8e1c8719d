"""A gallery exported as ONNX and Parquet gives in another runtime what it gives here."""

from __future__ import annotations

import json

import numpy as np
import openvino as ov
import pyarrow.parquet as pq
import pytest

import lookalike
from lookalike.errors import InputError
from tests.toys import ToyEncoder


@pytest.fixture(scope="module")
def exported(beans, tmp_path_factory):
    gallery = lookalike.open(tmp_path_factory.mktemp("gallery"))
    gallery.add([str(path) for path in sorted((beans / "test").rglob("*.jpg"))[:20]], label_from="parent")
    folder = tmp_path_factory.mktemp("exported")
    return gallery, folder, gallery.export_onnx(folder)


def test_the_model_embeds_as_the_encoder(exported):
    gallery, folder, _ = exported
    about = json.loads((folder / "gallery.json").read_text())
    _, height, width, _ = about["model"]["input"]["shape"]
    pixels = np.random.default_rng(0).integers(0, 256, (3, height, width, 3), np.uint8)
    model = ov.Core().compile_model(folder / "encoder.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = next(iter(model({about["model"]["input"]["name"]: pixels}).values()))
    expected = gallery.encoder.encode_prepared(pixels)
    expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    assert (found * expected).sum(axis=1) == pytest.approx([1] * 3, abs=1e-5)


def test_the_rows_are_those_of_the_gallery(exported):
    gallery, folder, report = exported
    rows = pq.read_table(folder / "gallery.parquet").to_pylist()
    assert len(rows) == report.rows == 20
    for row in rows[:5]:
        vector = gallery.embed(f"id:{row['id']}")
        np.testing.assert_allclose(row["embedding"], vector / np.linalg.norm(vector), atol=1e-6)
        assert row["label"]
        assert "uri" not in row
    assert report.nbytes == sum(path.stat().st_size for path in folder.iterdir())


def test_an_encoder_of_a_plug_in_cannot_leave(tmp_path):
    from tests.toys import plant

    plant(tmp_path / "photos", range(3))
    gallery = lookalike.open(tmp_path, encoder=ToyEncoder())
    gallery.add(tmp_path / "photos")
    with pytest.raises((InputError, lookalike.errors.LookalikeError)):
        gallery.export_onnx(tmp_path / "out")
