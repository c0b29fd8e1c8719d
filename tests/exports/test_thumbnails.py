from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from lookalike.exports.thumbnails import fitted, jpeg_uri


@pytest.mark.parametrize(
    ("shape", "box", "size"),
    [
        ((300, 451), (100, 100), (100, 67)),
        ((451, 300), (100, 100), (67, 100)),
        ((100, 100), (300, 50), (50, 50)),
        ((10, 10), (300, 300), (20, 20)),  # enlarged at most twice
        ((1, 4000), (100, 100), (100, 1)),
    ],
)
def test_a_picture_keeps_its_proportions_in_the_box(shape, box, size):
    pixels = np.full((*shape, 3), 77, np.uint8)
    pixels.flags.writeable = False
    image = fitted(pixels, *box)
    assert image.size == size
    assert np.asarray(image).tolist() == np.full((size[1], size[0], 3), 77).tolist()


def test_a_view_of_a_larger_array_can_be_fitted():
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[::2, 1::2] = 200
    assert np.asarray(fitted(pixels[::2, 1::2], 20, 20)).min() == 200


def test_a_data_uri_holds_the_picture(photos):
    pixels = np.asarray(Image.open(photos / "chelsea.png").convert("RGB"))
    head, _, payload = jpeg_uri(pixels, 200).partition(",")
    assert head == "data:image/jpeg;base64"
    image = Image.open(io.BytesIO(base64.b64decode(payload, validate=True)))
    assert (image.format, image.size) == ("JPEG", (200, 133))
    expected = np.asarray(Image.fromarray(pixels).resize((200, 133), Image.Resampling.LANCZOS), np.int16)
    assert np.abs(np.asarray(image, np.int16) - expected).mean() < 4


def test_a_small_picture_is_not_enlarged_in_a_page():
    uri = jpeg_uri(np.zeros((30, 20, 3), np.uint8), 400)
    assert Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).size == (20, 30)
