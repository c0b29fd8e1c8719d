"""What encoders see at each place, and which part of a picture they see."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lookalike.encoders.base import PatchEncoder
from lookalike.encoders.embedded import EmbeddedEncoder
from lookalike.encoders.loading import load_encoder
from lookalike.encoders.patches import view_of
from lookalike.errors import EncoderError, InputError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tests.encoders.architectures import ARCHITECTURES  # noqa: E402  # needs torch
from tests.encoders.checkpoints import save_bare, save_clip, save_vit  # noqa: E402

BY_TORCH = {"runtime": "torch"}


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def corners(view):
    return view.left, view.top, view.right, view.bottom


def resized_and_cropped(image, side=32, short=40):
    """Prepare an image as a centre crop of a resized picture, the channels first and reversed."""
    height, width = image.shape[:2]
    scale = short / min(height, width)
    small = Image.fromarray(image).resize((round(width * scale), round(height * scale)), Image.Resampling.BILINEAR)
    left, top = (small.width - side) // 2, (small.height - side) // 2
    return np.asarray(small, np.float32)[top : top + side, left : left + side, ::-1].transpose(2, 0, 1) / 50 - 2


def padded(image, side=60):
    """Prepare an image by laying it into the upper left of a square."""
    square = np.full((side, side, 3), 114, np.uint8)
    square[: image.shape[0], : image.shape[1]] = image
    return square


@pytest.mark.parametrize("shape", [(256, 400), (400, 256), (700, 701), (2000, 90)])
def test_the_view_is_the_part_that_is_kept(shape):
    height, width = shape
    share = 32 / 40 * min(shape)
    expected = [0.5 - share / width / 2, 0.5 - share / height / 2, 0.5 + share / width / 2, 0.5 + share / height / 2]
    np.testing.assert_allclose(corners(view_of(resized_and_cropped, *shape)), expected, atol=0.02)


def test_the_view_of_the_embedded_encoder_is_seven_eighths_of_the_short_side():
    view = view_of(EmbeddedEncoder().prepare, 256, 400)
    np.testing.assert_allclose(corners(view), [88 / 400, 16 / 256, 312 / 400, 240 / 256], atol=2e-3)


def test_what_is_padded_is_seen_beyond_the_edges():
    np.testing.assert_allclose(corners(view_of(padded, 30, 40)), [0, 0, 1.5, 2], atol=0.01)


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (90, 1), (2, 3)])
def test_the_view_of_a_tiny_picture_holds_a_pixel(shape):
    left, top, right, bottom = corners(view_of(EmbeddedEncoder().prepare, *shape))
    assert right - left >= 1 / shape[1] - 1e-9
    assert bottom - top >= 1 / shape[0] - 1e-9


def test_inputs_that_are_no_pictures_have_no_view():
    with pytest.raises(InputError, match="cuts images into patches by itself"):
        view_of(lambda image: image.reshape(-1, 3), 8, 8)


@pytest.mark.parametrize("precision", ["f32", "int8"])
def test_embeddings_of_the_embedded_encoder_are_means_of_its_patches(precision):
    if precision == "int8":
        pytest.importorskip("nncf")
    calibration = [noise(256, 256, seed) for seed in range(8)] if precision == "int8" else None
    encoder = load_encoder(precision=precision, calibration=calibration)
    assert isinstance(encoder, PatchEncoder)
    batch = np.stack([encoder.prepare(noise(300, 400, seed)) for seed in range(3)])
    patches = encoder.encode_patches(batch)
    assert patches.are_averaged
    assert patches.features.shape == (3, 7, 7, 1280)
    np.testing.assert_allclose(patches.features.mean((1, 2)), encoder.encode_prepared(batch), atol=1e-4)


# side of the input over that of a patch, and whether the documented pooling is the mean of patches
GRIDS = {
    "vit": (4, False),
    "deit": (4, False),
    "dinov2 with registers": (4, False),
    "dinov3": (4, False),
    "i-jepa": (4, True),
    "swin": (4, True),
    "pvt": (2, False),
    "cvt": (2, False),
    "poolformer": (2, True),
    "convnext": (4, False),  # normalises the mean
    "resnet": (4, True),
    "mobilevit": (2, True),
    "clip": (4, False),
    "siglip": (4, False),
}


@pytest.mark.parametrize("name", GRIDS)
def test_patches_of_every_family_lie_on_the_grid(name, tmp_path):
    side, are_averaged = GRIDS[name]
    encoder = load_encoder(str(ARCHITECTURES[name].save(tmp_path)), **BY_TORCH)
    batch = np.stack([encoder.prepare(noise(80, 100, seed)) for seed in range(2)])
    patches = encoder.encode_patches(batch)
    assert patches.features.shape[:3] == (2, side, side)
    assert patches.are_averaged == are_averaged
    if are_averaged:
        np.testing.assert_allclose(patches.features.mean((1, 2)), encoder.encode_prepared(batch), rtol=1e-3, atol=1e-4)


def test_the_patches_of_a_pooling_are_those_of_its_layer(tmp_path):
    encoder = load_encoder(str(save_vit(tmp_path)), pooling="mean@1", preprocessing="processor", **BY_TORCH)
    image = noise(32, 32)
    patches = encoder.encode_patches(encoder.prepare(image)[None])
    assert patches.are_averaged
    model = transformers.AutoModel.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        pixels = torch.from_numpy(encoder.prepare(image)[None])
        states = model(pixels, output_hidden_states=True).hidden_states[1]
    np.testing.assert_allclose(patches.features[0].reshape(16, -1), states[0, 1:].numpy(), atol=1e-4)


@pytest.mark.parametrize("options", [{"prefix": 3}, {"channels_last": True}])
def test_a_patch_is_at_the_place_that_it_sees(options, tmp_path):
    """The model is one convolution by squares of 8 pixels, so a change in one shows in one place."""
    encoder = load_encoder(str(save_bare(tmp_path, **options)), preprocessing="processor", **BY_TORCH)
    before = noise(32, 32)
    after = before.copy()
    after[8:16, 24:32] = 255 - after[8:16, 24:32]
    patches = encoder.encode_patches(np.stack([encoder.prepare(before), encoder.prepare(after)])).features
    changed = np.abs(patches[0] - patches[1]).max(axis=2) > 1e-4
    assert np.argwhere(changed).tolist() == [[1, 3]]


@pytest.mark.parametrize("save", [save_vit, save_clip])
def test_a_converted_model_shows_the_patches_of_its_original(save, tmp_path):
    converted = load_encoder(str(save(tmp_path)))
    assert converted.runtime == "openvino"
    assert isinstance(converted, PatchEncoder)
    original = load_encoder(str(tmp_path), **BY_TORCH)
    batch = np.stack([original.prepare(noise(40, 50, seed)) for seed in range(2)])
    np.testing.assert_array_equal(converted.encode_patches(batch).features, original.encode_patches(batch).features)


def test_other_weights_in_the_place_of_the_original_are_refused(tmp_path):
    converted = load_encoder(str(save_vit(tmp_path)))
    save_vit(tmp_path, seed=1)
    with pytest.raises(EncoderError, match="has other weights by now"):
        converted.encode_patches(converted.prepare(noise(32, 32))[None])


def test_a_model_without_places_says_so(tmp_path):
    family = ARCHITECTURES["siglip2 with the image's aspect"]
    encoder = load_encoder(str(family.save(tmp_path)), **BY_TORCH)
    with pytest.raises(InputError, match="use another encoder"):
        encoder.encode_patches(np.stack([encoder.prepare(noise(40, 40))]))
