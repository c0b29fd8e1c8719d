"""The client's resize, pixel for pixel against the client through a model that returns its pixels."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.images.decode import as_pixels
from lookalike.mobile.client_resize import client_resize
from tests.mobile.searchers import client, identity

HEIGHT, WIDTH = 24, 20


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "identity.tflite"
    path.write_bytes(identity(HEIGHT, WIDTH))
    return path


def seen_by_client(model, images):
    found = client("embed", model, images=images)
    return [np.array(values).reshape(HEIGHT, WIDTH, 3) for values in found]


def test_every_size_but_even_reductions_is_pixel_exact(model):
    random = np.random.default_rng(0)
    sizes = [
        (h, w) for h in (2, 3, 10, 24, 30, 47, 48, 72, 96, 120, 333) for w in (2, 3, 10, 20, 30, 40, 41, 60, 100, 250)
    ]
    images = [random.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    for image, seen in zip(images, seen_by_client(model, images), strict=True):
        ours = client_resize(image, WIDTH, HEIGHT)
        height, width = image.shape[:2]
        is_averaged = height % (2 * HEIGHT) == 0 and width % (2 * WIDTH) == 0
        # x86 rounds an average of four twice
        assert np.abs(ours.astype(int) - seen).max() <= (1 if is_averaged else 0), image.shape


def test_photos_are_pixel_exact(model, photos):
    images = [as_pixels(photos / name) for name in ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")]
    for image, seen in zip(images, seen_by_client(model, images), strict=True):
        np.testing.assert_array_equal(client_resize(image, WIDTH, HEIGHT), seen)


def test_one_pixel_is_spread():
    assert (client_resize(np.full((1, 1, 3), 77, np.uint8), 5, 4) == 77).all()


def test_the_picture_is_left_alone():
    image = np.random.default_rng(1).integers(0, 256, (50, 70, 3), np.uint8)
    image.flags.writeable = False
    assert client_resize(image, 224, 224).shape == (224, 224, 3)
