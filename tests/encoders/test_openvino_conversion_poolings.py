"""Whatever the pooling, a converted model embeds as PyTorch does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.encoders.loading import load_encoder, load_encoder_for

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.encoders.architectures import ARCHITECTURES  # needs torch

CONVERTED = [
    ("vit", "gem"),
    ("vit", "cls@-1"),
    ("vit-mae", "mean"),
    ("dinov2 with registers", "mean@1"),
    ("yolos", "mean"),
    ("swin", "pooler"),
    ("pvt", "mean"),
    ("cvt", "cls"),
    ("convnext", "average@1"),
    ("clip", "image-features"),
]


@pytest.fixture(scope="module")
def images() -> list[Any]:
    rng = np.random.default_rng(5)
    shapes = ((70, 48), (33, 90), (64, 64))
    return [
        np.array(Image.fromarray(rng.integers(0, 256, (7, 7, 3), np.uint8)).resize(shape, Image.Resampling.BICUBIC))
        for shape in shapes
    ]


@pytest.mark.parametrize(("name", "pooling"), CONVERTED)
def test_a_converted_model_pools_alike(name, pooling, images, tmp_path):
    folder = str(ARCHITECTURES[name].save(tmp_path))
    by_torch = load_encoder(folder, pooling=pooling, runtime="torch")
    converted = load_encoder(folder, pooling=pooling, runtime="openvino")
    assert (converted.spec, converted.spec.pooling_reason) == (by_torch.spec, by_torch.spec.pooling_reason)
    assert converted.spec.preprocessing == "fast"
    assert converted.decode_side == by_torch.decode_side
    expected = by_torch.encode_images(images)
    np.testing.assert_allclose(converted.encode_images(images), expected, atol=2e-3 * np.abs(expected).max())
    # this time from what was kept
    again = load_encoder_for(converted.spec, runtime="openvino")
    np.testing.assert_array_equal(again.prepare(images[0]), by_torch.prepare(images[0]))
    np.testing.assert_array_equal(again.encode_images(images), converted.encode_images(images))


def test_a_model_of_more_than_pixels_is_left_to_pytorch(images, tmp_path):
    encoder = load_encoder(str(ARCHITECTURES["siglip2 with the image's aspect"].save(tmp_path)))
    assert encoder.runtime == "torch"
    assert "takes more than pixels (pixel_values, pixel_attention_mask, spatial_shapes)" in encoder.runtime_reason
    assert encoder.encode_images(images).shape == (3, encoder.spec.dim)
