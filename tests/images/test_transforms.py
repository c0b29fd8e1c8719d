from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lookalike.images.transforms import encode_jpeg, encode_png, thumbnail
from tests.images.samples import gradient

PIXELS = gradient(120, 200)
PIXELS.flags.writeable = False


@pytest.mark.parametrize(("side", "shape"), [(100, (60, 100)), (50, (30, 50)), (1, (1, 1)), (199, (119, 199))])
def test_a_thumbnail_keeps_the_aspect(side, shape):
    assert thumbnail(PIXELS, side).shape == (*shape, 3)


def test_a_thumbnail_is_the_mean_of_the_area():
    means = PIXELS.reshape(30, 4, 50, 4, 3).mean(axis=(1, 3))
    assert np.abs(thumbnail(PIXELS, 50) - means).max() <= 0.51


def test_a_small_picture_is_not_enlarged():
    assert thumbnail(PIXELS, 200) is PIXELS
    assert thumbnail(PIXELS, 5000) is PIXELS


def test_a_sliver_keeps_one_pixel():
    assert thumbnail(np.zeros((1, 5000, 3), np.uint8), 100).shape == (1, 100, 3)


def test_encoded_bytes_are_what_pillow_reads():
    for pixels in (PIXELS, PIXELS[:, ::-1]):
        png = Image.open(io.BytesIO(encode_png(pixels)))
        assert png.format == "PNG"
        assert np.array_equal(np.asarray(png), pixels)
        jpeg = Image.open(io.BytesIO(encode_jpeg(pixels, 95)))
        assert jpeg.format == "JPEG"
        assert np.abs(np.asarray(jpeg).astype(int) - pixels).max() <= 12


def test_quality_trades_size():
    assert len(encode_jpeg(PIXELS, 20)) < len(encode_jpeg(PIXELS)) < len(encode_jpeg(PIXELS, 100))
