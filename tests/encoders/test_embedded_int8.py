"""The embedded encoder in int8 is calibrated on given images, near f32, and kept with a gallery."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from lookalike.encoders import conversion_cache
from lookalike.encoders.base import KeptEncoder, StagedEncoder
from lookalike.encoders.embedded import EmbeddedEncoder
from lookalike.encoders.loading import load_encoder, load_encoder_for
from lookalike.errors import BackendMissingError, EncoderError, InputError
from tests.cli.command import lookalike, lookalike_json, mistake

pytest.importorskip("nncf")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))


def _read(paths) -> list[np.ndarray]:
    return [np.asarray(Image.open(path).convert("RGB")) for path in paths]


@pytest.fixture(scope="module")
def images(beans) -> list[np.ndarray]:
    return _read(sorted((beans / "train").rglob("*.jpg"))[::26][:40])


@pytest.fixture(scope="module")
def others(beans) -> list[np.ndarray]:
    return _read(sorted((beans / "test").rglob("*.jpg"))[::6])


@pytest.fixture(scope="module")
def full() -> EmbeddedEncoder:
    return EmbeddedEncoder()


@pytest.fixture(scope="module")
def made(images, tmp_path_factory) -> EmbeddedEncoder:
    """An encoder in int8, whose files are in a cache that no test looks into."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKALIKE_CACHE", str(tmp_path_factory.mktemp("elsewhere")))
        return load_encoder(precision="int8", calibration=images)


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first * second).sum(axis=1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)


def test_int8_is_near_f32_on_images_that_it_has_not_seen(made, full, images, others):
    assert isinstance(made, StagedEncoder)
    vectors, expected = made.encode_images(others), full.encode_images(others)
    assert vectors.dtype == np.float32
    agreed = cosines(vectors, expected)
    assert agreed.mean() >= 0.98
    assert agreed.min() >= 0.9
    assert np.abs(vectors - expected).max() > 1e-2  # but it is another network
    # every eighth of those given is not calibrated on, and compared instead
    assert "calibrated int8 on 35 images; on 5 others" in made.notice
    held_out = cosines(made.encode_images(images[7::8]), full.encode_images(images[7::8]))
    assert made.agreement["mean"] == pytest.approx(held_out.mean(), abs=1e-4)
    assert made.agreement["least"] == pytest.approx(held_out.min(), abs=1e-4)


def test_it_takes_the_pixels_that_f32_takes(made, full, images):
    prepared = np.stack([made.prepare(image) for image in images[:3]])
    np.testing.assert_array_equal(prepared, np.stack([full.prepare(image) for image in images[:3]]))
    assert prepared.dtype == np.uint8
    np.testing.assert_allclose(made.encode_prepared(prepared), made.encode_images(images[:3]), rtol=1e-4, atol=1e-4)


def test_its_space_is_told_by_the_quantised_model_and_the_weights(made, full):
    own, _, weights = made.spec.weights_digest.partition("-")
    assert own
    assert weights == full.spec.weights_digest
    assert (made.spec.name, made.spec.precision, made.spec.dim) == ("embedded", "int8", full.spec.dim)
    assert made.spec.space != full.spec.space


def test_other_images_make_another_space_and_the_same_ones_the_same(made, images):
    again = load_encoder(precision="int8", calibration=lambda: iter(images))
    assert again.spec == made.spec
    dark = load_encoder(precision="int8", calibration=[image // 4 for image in images])
    assert dark.spec.space != made.spec.space


def test_what_a_gallery_keeps_is_enough_and_needs_no_quantiser(made, others, tmp_path, monkeypatch):
    assert isinstance(made, KeptEncoder)
    made.keep_in(tmp_path / "kept")
    monkeypatch.setitem(sys.modules, "nncf", None)  # as if it were not installed
    again = load_encoder_for(made.spec, kept=tmp_path / "kept")
    assert again.spec == made.spec
    assert again.notice == ""
    np.testing.assert_allclose(again.encode_images(others), made.encode_images(others), rtol=1e-4, atol=1e-4)
    again.keep_in(tmp_path / "copied")
    (weights,) = (tmp_path / "copied").rglob("model.bin")
    assert 3_000_000 < weights.stat().st_size < 4_500_000  # 3.4 million weights of 8 bits
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(EncoderError, match=r"of embedded is lost or damaged.*index the images into a new gallery"):
        load_encoder_for(made.spec, kept=tmp_path / "copied")


def test_it_is_found_in_the_cache_by_its_spec(made, others):
    made.keep_in(conversion_cache.cache_folder())
    vectors = load_encoder_for(made.spec).encode_images(others[:2])
    np.testing.assert_allclose(vectors, made.encode_images(others[:2]), rtol=1e-4, atol=1e-4)


def test_what_can_be_made_again_is_not_kept(full, tmp_path):
    full.keep_in(tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    ("calibration", "words"), [(None, "has to be calibrated on images"), ([], "no image could be read")]
)
def test_int8_without_images_is_refused(calibration, words):
    with pytest.raises(InputError, match=words):
        load_encoder(precision="int8", calibration=calibration)


def test_a_missing_quantiser_names_its_extra(images, monkeypatch):
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(BackendMissingError, match=r'pip install "lookalike\[int8\]"'):
        load_encoder(precision="int8", calibration=images)


@pytest.fixture
def photos(beans, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in sorted((beans / "validation").rglob("*.jpg"))[::4]:
        shutil.copy(path, folder)
    return folder


def test_a_gallery_in_int8_is_searched_with_what_it_keeps(photos, tmp_path, monkeypatch):
    count = len(list(photos.iterdir()))
    done = lookalike("index", "photos", "--precision", "int8", cwd=tmp_path)
    held_out = count // 8
    assert f"calibrated int8 on {count - held_out} images; on {held_out} others" in done.stderr
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "another cache"))
    again = lookalike_json("index", "photos", cwd=tmp_path)
    assert (again["added"], again["unchanged"]) == (0, count)
    query = min(photos.iterdir())
    found = lookalike_json("search", query, "-k", 1, "--include-self", cwd=tmp_path)
    assert found["hits"][0]["id"] == f"photos/{query.name}"
    assert found["hits"][0]["score"] > 0.99999
    assert not (tmp_path / "another cache").exists()
    # a folder that holds some model is no place that the embedded encoder can have moved to
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    for options in (("--precision", "f32"), ("--encoder", "model")):
        assert "leave the encoder options out" in mistake("index", "photos", *options, cwd=tmp_path)
    shutil.rmtree(tmp_path / ".lookalike" / "encoders")
    assert "is lost or damaged" in mistake("search", query, cwd=tmp_path)


def test_a_gallery_in_f32_refuses_int8(photos, tmp_path):
    lookalike("index", "photos", cwd=tmp_path)
    for command in (("index", "photos"), ("search", min(photos.iterdir()))):
        refusal = mistake(*command, "--precision", "int8", cwd=tmp_path)
        assert "f32" in refusal
        assert "not by precision int8: leave the encoder options out" in refusal


_QUANTISE = """
import os, sys
for name in ("torch", "transformers"):
    sys.modules[name] = None  # as if they were not installed
forks = []
os.register_at_fork(before=lambda: forks.append(True))
import numpy as np
from lookalike.encoders.loading import load_encoder
rng = np.random.default_rng(0)
images = [rng.integers(0, 256, (40, 40, 3), np.uint8) for _ in range(4)]
encoder = load_encoder(precision="int8", calibration=images)
print(encoder.spec.precision, len(forks), [name for name in sys.modules if name.startswith("openvino_telemetry")])
"""


def test_quantising_takes_no_torch_reports_to_nobody_and_prints_nothing():
    done = subprocess.run([sys.executable, "-c", _QUANTISE], capture_output=True, text=True, check=True)
    assert done.stdout == "int8 0 []\n"
