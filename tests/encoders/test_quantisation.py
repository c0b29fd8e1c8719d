"""Encoders in int8 are calibrated on given images, agree with f32, and are found again."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike as lookalike_api
from lookalike.encoders.base import KeptEncoder
from lookalike.encoders.loading import load_encoder, load_encoder_for
from lookalike.errors import BackendMissingError, EncoderError, InputError, SpaceMismatchError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("nncf")

from tests.cli.command import lookalike, lookalike_json, mistake  # noqa: E402
from tests.encoders import checkpoints  # noqa: E402  # needs torch
from tests.encoders.odd_models import save_odd  # noqa: E402


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def images(beans) -> list[np.ndarray]:
    paths = sorted((beans / "train").rglob("*.jpg"))[::20]
    return [np.asarray(Image.open(path).convert("RGB")) for path in paths[:48]]


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first * second).sum(axis=1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)


@pytest.mark.parametrize("save", [checkpoints.save_vit, checkpoints.save_regnet, checkpoints.save_clip])
def test_int8_is_near_f32_and_found_again_by_its_spec(save, images, tmp_path):
    folder = str(save(tmp_path / "model"))
    encoder = load_encoder(folder, precision="int8", calibration=images)
    full = load_encoder(folder, device="cpu")
    assert encoder.spec.precision == "int8"
    assert encoder.spec.weights_digest.endswith(full.spec.weights_digest)
    assert encoder.spec.space != full.spec.space
    vectors = encoder.encode_images(images)
    agreed = cosines(vectors, full.encode_images(images))
    assert agreed.mean() > 0.97
    assert np.abs(vectors - full.encode_images(images)).max() > 1e-4
    # every eighth is not calibrated on, and compared instead
    assert "calibrated int8 on 42 images; on 6 others" in encoder.notice
    # rounding to 8 bits makes much of little, and other batches are summed up in another order
    assert encoder.agreement["mean"] == pytest.approx(agreed[7::8].mean(), abs=3e-3)
    assert encoder.agreement["least"] == pytest.approx(agreed[7::8].min(), abs=6e-3)
    again = load_encoder_for(encoder.spec)
    assert again.spec == encoder.spec
    assert again.notice == ""
    np.testing.assert_allclose(again.encode_images(images), vectors, rtol=1e-4, atol=1e-4)


def test_other_images_make_another_space(images, tmp_path):
    folder = str(checkpoints.save_vit(tmp_path / "model"))
    dark = [image // 4 for image in images]
    first, second = (
        load_encoder(folder, precision="int8", calibration=given) for given in (images, lambda: iter(dark))
    )
    assert first.spec.space != second.spec.space


def test_what_a_gallery_keeps_is_enough(images, tmp_path):
    folder = checkpoints.save_vit(tmp_path / "model")
    encoder = load_encoder(str(folder), precision="int8", calibration=images)
    expected = encoder.encode_images(images)
    assert isinstance(encoder, KeptEncoder)
    encoder.keep_in(tmp_path / "kept")
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    again = load_encoder_for(encoder.spec, kept=tmp_path / "kept")
    np.testing.assert_allclose(again.encode_images(images), expected, rtol=1e-4, atol=1e-4)
    elsewhere = pickle.loads(pickle.dumps(again.as_map_function()))  # as another process gets it
    np.testing.assert_allclose(elsewhere({"image": images})["embedding"], expected, rtol=1e-4, atol=1e-4)
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    (weights,) = (tmp_path / "kept").rglob("model.bin")
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(EncoderError, match=r"is lost or damaged.*index the images into a new gallery"):
        load_encoder_for(encoder.spec, kept=tmp_path / "kept")


def test_a_moved_checkpoint_of_a_gallery_in_int8_is_compared_and_noted(beans, images, tmp_path):
    folder = checkpoints.save_clip(tmp_path / "model")
    checkpoints.save_vit(tmp_path / "other")
    encoder = load_encoder(str(folder), precision="int8", calibration=images)
    texts = encoder.encode_texts(["leaf"])
    photos = [str(path) for path in sorted((beans / "test").rglob("*.jpg"))[:3]]
    gallery = lookalike_api.open(tmp_path / "gallery", encoder=encoder)
    gallery.add(photos)
    function = pickle.loads(pickle.dumps(encoder.as_map_function()))
    in_gallery = load_encoder_for(encoder.spec, kept=gallery.location.encoders)
    elsewhere = pickle.loads(pickle.dumps(in_gallery.as_map_function()))
    shutil.rmtree(tmp_path / "cache")  # what the gallery keeps is all that is left
    folder.rename(tmp_path / "moved")
    rows = {"image": [{"bytes": Path(photo).read_bytes()} for photo in photos]}
    assert len(elsewhere(rows)["embedding"]) == len(photos)
    with pytest.raises(EncoderError, match="is lost or damaged"):
        function(rows)
    moved = lookalike_api.open(tmp_path / "gallery", encoder=str(tmp_path / "moved"))
    assert moved.search(photos[0], k=1, include_self=True).scores == [pytest.approx(1.0)]
    np.testing.assert_allclose(moved.encoder.encode_texts(["leaf"]), texts, rtol=1e-4, atol=1e-5)
    moved.add(photos)
    assert lookalike_api.open(tmp_path / "gallery").spec.name == str(tmp_path / "moved")
    assert len(lookalike_api.open(tmp_path / "gallery").search("leaf", k=2)) == 2
    weights = shutil.copytree(tmp_path / "moved", tmp_path / "trained") / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-2] ^= 1
    weights.write_bytes(data)
    other = {
        "trained": r"not by the checkpoint \S+/trained with weights .*name the checkpoint that it was made of",
        "other": r"not by what \S+/other is today: name the encoder that it was made by",
    }
    for name, words in other.items():
        with pytest.raises(SpaceMismatchError, match=words):
            lookalike_api.open(tmp_path / "gallery", encoder=str(tmp_path / name)).search(photos[0])


def test_what_can_be_made_again_is_not_kept(tmp_path):
    encoder = load_encoder(str(checkpoints.save_vit(tmp_path / "model")), device="cpu")
    encoder.keep_in(tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    ("calibration", "words"), [(None, "has to be calibrated on images"), ([], "no image could be read")]
)
def test_int8_without_images_is_refused(calibration, words, tmp_path):
    with pytest.raises(InputError, match=words):
        load_encoder(str(checkpoints.save_vit(tmp_path / "model")), precision="int8", calibration=calibration)


def test_a_model_that_does_not_convert_has_no_int8(images, tmp_path):
    with pytest.raises(EncoderError, match="in int8: OpenVINO cannot convert the model"):
        load_encoder(str(save_odd(tmp_path / "model", "operation")), precision="int8", calibration=images)


def test_a_missing_quantiser_names_its_extra(images, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "nncf", None)  # as if it were not installed
    with pytest.raises(BackendMissingError, match=r'pip install "lookalike\[int8\]"'):
        load_encoder(str(checkpoints.save_vit(tmp_path / "model")), precision="int8", calibration=images)


def test_a_gallery_in_int8_is_indexed_and_searched_without_its_checkpoint(beans, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for path in sorted((beans / "validation").rglob("*.jpg"))[::6]:
        shutil.copy(path, photos)
    count = len(list(photos.iterdir()))
    checkpoints.save_vit(tmp_path / "model")
    options = ("--encoder", "model", "--precision", "int8")
    report = lookalike_json("index", "photos", *options, cwd=tmp_path)  # and no word of the quantiser on stdout
    assert report["added"] == count
    again = lookalike("index", "photos", *options, cwd=tmp_path)
    assert f"{count} unchanged" in again.stderr
    shutil.rmtree(tmp_path / "cache")
    shutil.rmtree(tmp_path / "model")
    query = min(photos.iterdir())
    found = lookalike_json("search", query, "-k", 1, "--include-self", cwd=tmp_path)
    assert found["hits"][0]["id"] == f"photos/{query.name}"
    assert found["hits"][0]["score"] > 0.99999
    shutil.rmtree(tmp_path / ".lookalike" / "encoders")
    assert "is lost or damaged" in mistake("search", query, cwd=tmp_path)


_QUANTISE = """
import os, sys
forks = []
os.register_at_fork(before=lambda: forks.append(True))
import numpy as np
from lookalike.encoders.loading import load_encoder
rng = np.random.default_rng(0)
images = [rng.integers(0, 256, (40, 40, 3), np.uint8) for _ in range(16)]
encoder = load_encoder(sys.argv[1], precision="int8", calibration=images)
import nncf.telemetry.wrapper
print(encoder.spec.precision, len(forks), type(nncf.telemetry.wrapper.telemetry).__module__)
"""


def test_quantising_reports_to_nobody_and_prints_nothing(tmp_path):
    folder = str(checkpoints.save_vit(tmp_path / "model"))
    done = subprocess.run([sys.executable, "-c", _QUANTISE, folder], capture_output=True, text=True, check=True)
    assert done.stdout == "int8 0 unittest.mock\n"  # what it takes where there is no telemetry
