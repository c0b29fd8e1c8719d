from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import ImageDecodeError, InputError, SourceError
from lookalike.images.decode import Limits, as_pixels
from tests.images.samples import encoded, gradient

PIXELS = gradient()
PIXELS.flags.writeable = False


def test_pixels_are_returned_as_they_are():
    assert as_pixels(PIXELS) is PIXELS


def test_floats_are_scaled():
    assert np.array_equal(as_pixels(PIXELS / 255.0), PIXELS)
    assert np.array_equal(as_pixels(PIXELS.astype(np.float32) / np.float32(255)), PIXELS)


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 1)])
def test_gray_is_repeated(shape):
    gray = PIXELS[:, :, 0].reshape(shape)
    assert np.array_equal(as_pixels(gray), np.dstack([PIXELS[:, :, 0]] * 3))


def test_the_alpha_of_an_array_is_laid_over_white():
    alpha = np.array([[[0, 0, 0, 0], [10, 20, 30, 255], [0, 100, 255, 51]]], np.uint8)
    assert as_pixels(alpha).tolist() == [[[255, 255, 255], [10, 20, 30], [204, 224, 255]]]


def test_a_view_becomes_contiguous():
    mirrored = as_pixels(PIXELS[:, ::-1])
    assert mirrored.flags.c_contiguous
    assert np.array_equal(mirrored, PIXELS[:, ::-1])


def test_a_pillow_image_is_upright_opaque_rgb():
    image = Image.fromarray(PIXELS)
    assert np.array_equal(as_pixels(image), PIXELS)
    image.getexif()[0x0112] = 6
    assert np.array_equal(as_pixels(image), np.rot90(PIXELS, -1))
    assert as_pixels(Image.new("RGBA", (1, 1), (9, 9, 9, 0))).tolist() == [[[255, 255, 255]]]
    assert as_pixels(Image.new("I;16", (1, 1), 65535)).tolist() == [[[255, 255, 255]]]


def test_bytes_and_paths_are_decoded(tmp_path):
    data = encoded(Image.fromarray(PIXELS), "PNG")
    path = tmp_path / "a picture.png"
    path.write_bytes(data)
    for given in (data, bytearray(data), memoryview(data), path, str(path)):
        assert np.array_equal(as_pixels(given), PIXELS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((3, 40, 60), np.uint8), r"\(3, 40, 60\).*move the channels to the end"),
        (np.zeros(7, np.uint8), r"an array of shape \(7,\)"),
        (np.zeros((2, 2, 2), np.uint8), r"\(2, 2, 2\)"),
        (np.zeros((2, 2, 3), np.int64), "an array of int64"),
        (np.zeros((2, 2, 3), bool), "an array of bool"),
        (np.full((2, 2, 3), 200.0), r"floats must lie in \[0, 1\], found 200 to 200"),
        (np.full((2, 2, 3), np.nan), r"floats must lie in \[0, 1\]"),
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (17, "builtins.int is not a picture"),
        (None, "is not a picture"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(given, message):
    with pytest.raises(InputError, match=message):
        as_pixels(given)


def test_a_path_that_is_no_picture(tmp_path):
    with pytest.raises(SourceError, match="no such file"):
        as_pixels(tmp_path / "missing.jpg")
    with pytest.raises(SourceError, match="is a folder; name a picture in it"):
        as_pixels(tmp_path)
    text = tmp_path / "note.jpg"
    text.write_text("not a picture")
    with pytest.raises(ImageDecodeError, match="not a picture in a format"):
        as_pixels(text)


def test_a_damaged_pillow_image_is_refused(tmp_path):
    path = tmp_path / "half.png"
    data = encoded(Image.fromarray(PIXELS), "PNG")
    path.write_bytes(data[: len(data) // 2])
    with Image.open(path) as image, pytest.raises(ImageDecodeError, match="the PNG is truncated"):
        as_pixels(image)


def test_the_limits_hold_for_everything(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.fromarray(PIXELS), "PNG"))
    for given in (PIXELS, Image.fromarray(PIXELS), path):
        with pytest.raises(ImageDecodeError, match="above the limit"):
            as_pixels(given, limits=Limits(max_pixels=100))
    with pytest.raises(ImageDecodeError, match="--max-bytes"):
        as_pixels(path, limits=Limits(max_bytes=10))
