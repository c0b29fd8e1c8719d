from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lookalike.images.pillow_files import encoded_file


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)).save(path)
    return path


def test_a_file_just_opened_is_returned_as_it_is_and_can_be_loaded_later(path):
    for source in (path, BytesIO(path.read_bytes())):
        with Image.open(source) as image, Image.open(path) as other:
            assert encoded_file(image) == path.read_bytes()
            assert encoded_file(image) == path.read_bytes()
            np.testing.assert_array_equal(np.asarray(image), np.asarray(other))


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.load(),
        lambda image: image.thumbnail((50, 50)),
        lambda image: image.draft("L", (400, 300)),
        lambda image: image.draft("RGB", (100, 75)),
        lambda image: ImageDraw.Draw(image).line((0, 0, 9, 9)),
        lambda image: image.putpixel((0, 0), (1, 2, 3)),
        lambda image: image.close(),
    ],
)
def test_one_that_may_have_changed_has_none(path, change):
    with Image.open(path) as image:
        change(image)
        assert encoded_file(image) is None


def test_what_was_made_of_it_has_none(path):
    with Image.open(path) as image:
        for made in (image.crop((0, 0, 9, 9)), image.copy(), image.convert("L"), np.asarray(image), "a.jpg", None):
            assert encoded_file(made) is None


def test_a_later_frame_has_none(tmp_path):
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "a.tif") as image:
        assert encoded_file(image) == (tmp_path / "a.tif").read_bytes()
        image.seek(1)
        assert encoded_file(image) is None
