from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lookalike.evaluation.augment import CHANGES, cropped, flipped, gray, rotated
from lookalike.images.decode import decode


@pytest.fixture(scope="module")
def photo(photos):
    pixels = np.array(Image.open(photos / "astronaut.png").convert("RGB"))
    pixels.flags.writeable = False
    return pixels


def test_a_crop_is_the_middle(photo):
    np.testing.assert_array_equal(cropped(photo), photo[64:448, 64:448])


def test_a_flip_is_the_mirror_image(photo):
    np.testing.assert_array_equal(flipped(photo), np.array(Image.fromarray(photo).transpose(Image.FLIP_LEFT_RIGHT)))


def test_a_rotation_turns_by_ten_degrees(photo):
    middle = slice(160, 352)
    turned = np.array(Image.fromarray(photo).rotate(10, Image.Resampling.BILINEAR))[middle, middle].astype(float)
    found = rotated(photo)
    assert found.shape == photo.shape
    difference = np.abs(found[middle, middle] - turned).mean()
    assert difference < 4 < np.abs(photo[middle, middle] - turned).mean()
    assert found[:8, :8].any()  # no black corners


def test_gray_is_the_luma_of_pillow(photo):
    found = gray(photo)
    luma = np.array(Image.fromarray(photo).convert("L"))
    assert np.abs(found.astype(int) - luma[:, :, None]).max() <= 1


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_change_makes_another_picture_the_same_each_time(photo, change):
    data = change(photo)
    assert data == change(photo)
    decoded = decode(data)
    assert decoded.format == "JPEG"
    assert decoded.pixels.shape != photo.shape or np.abs(decoded.pixels.astype(int) - photo).mean() > 1


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2)])
def test_any_picture_can_be_changed(change, shape):
    assert decode(change(np.full((*shape, 3), 200, np.uint8))).pixels.size > 0


def test_names_differ():
    assert len({change.name for change in CHANGES}) == len(CHANGES) == 5
