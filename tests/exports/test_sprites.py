from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from lookalike.exports.sprites import COLUMNS, side_for, sprites_of
from tests.toys import pixels_of


def opened(sheet):
    kind, _, data = sheet.partition(",")
    assert kind == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


def test_each_picture_is_at_its_place():
    colours = [(250, 30, 30), (30, 250, 30), (30, 30, 250)]
    pictures = [np.full((60, 200 if number % 2 else 30, 3), colours[number % 3], np.uint8) for number in range(40)]
    pictures[7] = None
    sprites = sprites_of(pictures, 40, most_bytes=1_000_000)
    assert sprites.side == 128
    assert sprites.sizes[:2] == [(30, 60), (128, 38)]
    assert sprites.sizes[7] == (0, 0)
    [sheet] = map(opened, sprites.sheets)
    assert sheet.shape == (2 * 128, COLUMNS * 128, 3)
    for number, (width, height) in enumerate(sprites.sizes):
        if number == 7:
            continue
        row, column = divmod(number, COLUMNS)
        cell = sheet[row * 128 : row * 128 + height, column * 128 : column * 128 + width]
        assert np.abs(cell[height // 2, width // 2] - colours[number % 3]).max() < 12


def test_more_pictures_make_more_sheets_and_keep_to_the_size():
    pictures = [pixels_of(number, 64) for number in range(1_100)]
    free = sprites_of(pictures, 1_100, most_bytes=50_000_000)
    bound = sprites_of(iter(pictures), 1_100, most_bytes=1_500_000)
    assert len(free.sheets) == len(bound.sheets) == 2
    assert sum(map(len, bound.sheets)) <= 1_500_000 < sum(map(len, free.sheets))
    assert opened(bound.sheets[1]).shape == (3 * bound.side, COLUMNS * bound.side, 3)


@pytest.mark.parametrize(("count", "side"), [(1, 128), (1_000, 128), (1_001, 96), (10_000, 64), (10**6, 48)])
def test_pictures_are_smaller_where_there_are_many(count, side):
    assert side_for(count) == side
