"""The fast way prepares photos as the processors do, within one of 255 levels, and is not taken where it would not."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from lookalike.encoders.loading import load_encoder
from lookalike.encoders.preprocessing import make_prepare
from lookalike.encoders.staging import decode_for, embed_image
from lookalike.errors import InputError
from lookalike.images.decode import decode

torch = pytest.importorskip("torch")
tf = pytest.importorskip("transformers")

from tests.encoders import checkpoints  # noqa: E402  # needs torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LEVEL = 1 / 255
NORM = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
DECODED_FOR_112 = {"NEAREST": 500, "BOX": 500, "HAMMING": 375, "BILINEAR": 250, "BICUBIC": 250, "LANCZOS": 375}
"""The side that is decoded of a photo of 500 pixels."""


@pytest.fixture(scope="module")
def jpegs(beans: Path) -> list[bytes]:
    """Photos of 500 × 500 pixels."""
    return [path.read_bytes() for path in sorted((beans / "test").rglob("*.jpg"))[::16]]


def vit(side: int, resample: Image.Resampling) -> Any:
    """Return a processor that resizes with Pillow, for torchvision knows no box and no Hamming filter."""
    kind = getattr(tf, "ViTImageProcessorPil", tf.ViTImageProcessor)
    return kind(size={"height": side, "width": side}, resample=resample, **NORM)


def levels(made: np.ndarray, expected: np.ndarray) -> float:
    """Return the mean absolute difference, where the pixels go from 0 to 1."""
    return float((np.abs(made - expected) * np.reshape(NORM["image_std"], (3, 1, 1))).mean())


@pytest.mark.parametrize("resample", list(Image.Resampling), ids=lambda resample: resample.name)
@pytest.mark.parametrize("side", [224, 112])
def test_each_resampling_is_that_of_the_processor(resample, side, jpegs):
    """At 112 the decoder may give a smaller picture; the model must see what it would see of a full decode."""
    processor = vit(side, resample)
    fast, exact = make_prepare("fast", processor), make_prepare("processor", processor)
    sizes = set()
    for jpeg in jpegs:
        full = decode(jpeg)
        reduced = decode(jpeg, min_side=fast.decode_side, most_drift=fast.decode_drift)
        sizes.add(reduced.pixels.shape[0])
        expected = exact(full.pixels)
        assert levels(fast(full.pixels), expected) < LEVEL / 100
        assert levels(fast(reduced.pixels), expected) < LEVEL
    assert sizes == {DECODED_FOR_112[resample.name] if side == 112 else 500}


@pytest.mark.parametrize("size", [(499, 497), (433, 491), (381, 500)])
@pytest.mark.parametrize("side", [64, 32])
def test_a_size_that_no_eighth_divides_moves_nothing(size, side, jpegs):
    processor = vit(side, Image.Resampling.BICUBIC)
    fast, exact = make_prepare("fast", processor), make_prepare("processor", processor)
    for jpeg in jpegs:
        buffer = io.BytesIO()
        Image.open(io.BytesIO(jpeg)).crop((0, 0, *size)).save(buffer, "JPEG", quality=90)
        reduced = decode(buffer.getvalue(), min_side=fast.decode_side, most_drift=fast.decode_drift)
        assert levels(fast(reduced.pixels), exact(decode(buffer.getvalue()).pixels)) < LEVEL


PROCESSORS: dict[str, Callable[[], Any]] = {
    "crop": lambda: tf.BitImageProcessor(size={"shortest_edge": 73}, crop_size={"height": 64, "width": 60}, **NORM),
    "clip": lambda: tf.CLIPImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}),
    "share of the short side": lambda: tf.ConvNextImageProcessor(size={"shortest_edge": 64}, crop_pct=0.9),
    "no crop of large inputs": lambda: tf.ConvNextImageProcessor(size={"shortest_edge": 384}),
    "256 of 224": lambda: tf.LevitImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}),
    "other share": lambda: tf.PoolFormerImageProcessor(
        size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}
    ),
    "blue first": lambda: tf.MobileViTImageProcessor(size={"shortest_edge": 72}, crop_size={"height": 64, "width": 64}),
    "normalised twice": lambda: tf.EfficientNetImageProcessor(size={"height": 64, "width": 64}, rescale_offset=True),
    "not normalised": lambda: tf.ViTImageProcessor(size={"height": 64, "width": 48}, do_normalize=False),
    "pixels as they are": lambda: tf.ViTImageProcessor(size={"height": 64, "width": 64}, do_rescale=False),
}


@pytest.mark.parametrize("name", PROCESSORS)
def test_what_a_processor_does_is_found_out(name, jpegs):
    processor = PROCESSORS[name]()
    fast, exact = make_prepare("auto", processor), make_prepare("processor", processor)
    assert fast.kind == "fast"
    photo = decode(jpegs[0]).pixels
    for picture in (photo, photo[:333], photo[:, 100:301], photo[:41, :57], photo[:3, :70]):
        made, expected = fast(picture), exact(picture)
        assert (made.shape, made.dtype) == (expected.shape, np.float32)
        span = np.abs(exact(np.full_like(picture, 255)) - exact(np.zeros_like(picture)))
        # one level in one of a hundred values, for positions are rounded otherwise
        assert (np.abs(made - expected) / span).mean() < LEVEL / 50
        assert (np.abs(made - expected) / span).max() < 3 * LEVEL


def test_a_photo_keeps_its_colours_and_its_place():
    """Written out by hand, without a processor to compare with."""
    fast = make_prepare("fast", tf.CLIPImageProcessor(size={"shortest_edge": 4}, crop_size={"height": 4, "width": 4}))
    picture = np.zeros((4, 8, 3), np.uint8)
    picture[:, 2:4, 0] = 255  # red in the left half of the centre
    picture[:, 4:6, 2] = 255
    mean, std = np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711])
    expected = (picture[:, 2:6] / 255 - mean) / std
    np.testing.assert_allclose(fast(picture), expected.transpose(2, 0, 1), atol=1e-5)


def wide_crop() -> Any:
    """Return a processor that pads, for it keeps more than there is."""
    return tf.BitImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 64, "width": 64})


OTHERWISE: dict[str, Callable[[], Any]] = {
    "cropped first": lambda: tf.PerceiverImageProcessor(
        size={"height": 32, "width": 32}, crop_size={"height": 40, "width": 40}
    ),
    "padded": wide_crop,
    "patches of any aspect": lambda: tf.Siglip2ImageProcessor(patch_size=8, max_num_patches=16),
    "several sizes": lambda: tf.CLIPImageProcessor(size={"shortest_edge": 32}, do_center_crop=False),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_cannot_be_done_fast_is_left_to_the_processor(name):
    processor = OTHERWISE[name]()
    assert make_prepare("auto", processor).kind == "processor"
    with pytest.raises(InputError, match=r"no fast way .* use the preprocessing processor"):
        make_prepare("fast", processor)


def test_embeddings_of_photos_are_alike(jpegs, tmp_path):
    folder = str(checkpoints.save_vit(tmp_path, size=96, patch=16))
    fast, exact = load_encoder(folder), load_encoder(folder, exact_preprocessing=True)
    assert (fast.spec.preprocessing, exact.spec.preprocessing) == ("fast", "processor")
    assert fast.spec.space != exact.spec.space
    assert decode_for(fast, jpegs[0]).pixels.shape[0] < decode_for(exact, jpegs[0]).pixels.shape[0] == 500
    for jpeg in jpegs:
        made, expected = embed_image(fast, jpeg)[0], embed_image(exact, jpeg)[0]
        assert made @ expected / np.linalg.norm(made) / np.linalg.norm(expected) > 0.999


def test_a_long_strip_is_no_burden():
    """The processor would resize it to 64 × 6,400,000 pixels, and then throw almost all away."""
    fast = make_prepare(
        "fast", tf.CLIPImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64})
    )
    strip = np.zeros((1, 100_000, 3), np.uint8)
    strip[:, 50_000:] = 255
    prepared = fast(strip)
    assert prepared.shape == (3, 64, 64)
    assert prepared[0, 0, 0] < 0 < prepared[0, 0, -1]


def test_exact_and_another_preprocessing_are_refused(tmp_path):
    folder = str(checkpoints.save_vit(tmp_path))
    with pytest.raises(InputError, match="not resize-crop; leave one of the two out"):
        load_encoder(folder, preprocessing="resize-crop", exact_preprocessing=True)
