"""One way to run every encoder, staged or not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lookalike.encoders.base import EncoderSpec
from lookalike.encoders.loading import load_encoder
from lookalike.encoders.staging import batch_size, embed_image, encode_prepared, prepare
from lookalike.errors import ImageDecodeError


class MeanColour:
    """The least that a plug-in has: one method and a spec."""

    spec = EncoderSpec("mean-colour", "", "", "mean", "none", "f32", 3)

    def encode_images(self, images):
        return np.stack([image.reshape(-1, 3).mean(axis=0) for image in images]).astype(np.float32)


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)


def test_an_encoder_of_one_method_gets_whole_images_of_any_sizes(pixels):
    encoder = MeanColour()
    images = [pixels, pixels[:40, :70]]
    vectors = encode_prepared(encoder, [prepare(encoder, image) for image in images])
    np.testing.assert_allclose(vectors, encoder.encode_images(images))
    assert batch_size(encoder) > 1


def test_a_staged_encoder_gives_what_it_gives_on_its_own(pixels):
    encoder = load_encoder()
    vectors = encode_prepared(encoder, [prepare(encoder, pixels), prepare(encoder, pixels[:40, :70])])
    np.testing.assert_allclose(vectors, encoder.encode_images([pixels, pixels[:40, :70]]), atol=1e-5)


def test_bytes_and_pixels_of_a_lossless_picture_embed_alike(pixels):
    encoder = load_encoder()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    np.testing.assert_allclose(embed_image(encoder, buffer.getvalue()), embed_image(encoder, pixels), atol=1e-5)
    with pytest.raises(ImageDecodeError):
        embed_image(encoder, b"no picture")
