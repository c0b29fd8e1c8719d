"""Checkpoints of transformers on other devices: as TFLite for the real client, and as ONNX in another runtime."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("transformers")

import openvino as ov
import torch
import transformers

import lookalike
from lookalike.mobile.client_resize import client_resize
from lookalike.mobile.searcher_file import SearcherFile
from tests.encoders.architectures import ARCHITECTURES
from tests.mobile.searchers import ROOT, client, converter_python

KINDS = ("vit", "convnext", "mobilenet v2", "efficientnet")
CONVERTING = Path(__file__).with_name("converting.py")
_K = 10


def folder_of(kind):
    return kind.replace(" ", "-")


@pytest.fixture(scope="module")
def pictures(beans):
    found = []
    for path in sorted((beans / "test").rglob("*.jpg"))[::4]:
        with Image.open(path) as image:
            found.append(np.asarray(image.convert("RGB")))
    return found


@pytest.fixture(scope="module")
def galleries(beans, tmp_path_factory):
    """A gallery of each kind, by a small checkpoint with random weights."""
    place = tmp_path_factory.mktemp("galleries")
    photos = [str(path) for path in sorted((beans / "train").rglob("*.jpg"))[::25]]
    made = {}
    for kind in KINDS:
        model = ARCHITECTURES[kind].save(tmp_path_factory.mktemp("models") / folder_of(kind))
        made[kind] = lookalike.open(place / folder_of(kind), encoder=str(model))
        made[kind].add(photos)
    return made


@pytest.fixture(scope="module")
def exported(galleries, tmp_path_factory):
    """The folder of what was exported, and what was said of it."""
    folder = tmp_path_factory.mktemp("exported")
    command = [converter_python(), CONVERTING, folder, *(gallery.path for gallery in galleries.values())]
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, json.loads(done.stdout)


def resized_for(kind, pictures):
    side = ARCHITECTURES[kind].size
    return [client_resize(picture, side, side) for picture in pictures]


def expected_of(kind, gallery, resized):
    """What plain transformers make of pictures of the input's size; of unit length."""
    folder = gallery.spec.name
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    values = (np.stack(resized) / 255 - processor.image_mean) / processor.image_std
    architecture = ARCHITECTURES[kind]
    with torch.inference_mode():
        inputs = {"pixel_values": torch.from_numpy(values.transpose(0, 3, 1, 2)).float()}
        found = architecture.poolings[architecture.auto](model, inputs).numpy()
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def agree(found, expected, least):
    cosines = np.einsum("ij,ij->i", np.asarray(found), expected)
    assert cosines.min() > least


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_for_phones_embeds_as_transformers_do(exported, galleries, pictures, kind):
    folder, _ = exported
    resized = resized_for(kind, pictures)
    expected = expected_of(kind, galleries[kind], resized)
    assert np.median(expected @ expected.T) < 0.999  # a network that gives everything the same would pass
    whole = SearcherFile.open(folder / f"{folder_of(kind)}.tflite")
    agree([whole.embed(picture) for picture in pictures], expected, 0.9999)
    small = SearcherFile.open(folder / f"{folder_of(kind)}-int8.tflite")
    agree([small.embed(picture) for picture in pictures], expected, 0.8)
    assert len(small.model.content) < len(whole.model.content)


@pytest.mark.parametrize("kind", KINDS)
def test_the_client_finds_what_exact_search_finds(exported, pictures, kind):
    folder, _ = exported
    path = folder / f"{folder_of(kind)}.tflite"
    answers = client("search", path, images=pictures)["answers"]
    searcher = SearcherFile.open(path)
    rows, queries = np.asarray(searcher.index.rows), np.stack([searcher.embed(picture) for picture in pictures])
    ids = [json.loads(metadata)["id"] for metadata in searcher.index.metadata]
    cosines = queries @ rows.T
    found = np.array([[ids.index(json.loads(metadata)["id"]) for metadata, _ in answer] for answer in answers])
    scores = np.take_along_axis(cosines, found, axis=1)
    np.testing.assert_allclose(scores, -np.sort(-cosines, axis=1)[:, :_K], atol=1e-4)


def test_what_is_told_of_the_exports(exported, galleries):
    _, reports = exported
    assert [report["model"] for report in reports[::2]] == [folder_of(kind) for kind in KINDS]
    assert all(report["rows"] == len(galleries["vit"]) and report["failed"] == [] for report in reports)
    assert all(report["recall"]["value"] == 1 for report in reports)


@pytest.mark.parametrize("kind", KINDS)
def test_the_onnx_model_embeds_as_transformers_do(galleries, pictures, tmp_path, kind):
    pytest.importorskip("onnx")
    galleries[kind].export_onnx(tmp_path)
    about = json.loads((tmp_path / "gallery.json").read_text())
    resized = resized_for(kind, pictures)
    model = ov.Core().compile_model(tmp_path / "encoder.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = next(iter(model({about["model"]["input"]["name"]: np.stack(resized)}).values()))
    agree(found, expected_of(kind, galleries[kind], resized), 0.9999)
    assert about["encoder"]["name"] == folder_of(kind)
