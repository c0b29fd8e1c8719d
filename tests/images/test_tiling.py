"""The grid of tiles."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.images.tiling import MOST_ALONG_A_SIDE, TILES, tile_boxes


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 3), (7, 5), (500, 500), (4000, 3001), (1, 900)])
def test_tiles_lie_in_the_picture_and_cover_it(width, height):
    boxes = tile_boxes(width, height)
    assert len(boxes) == TILES == 13
    covered = np.zeros((height, width), np.int64)
    for x, y, wide, tall in boxes:
        assert 0 <= x < x + wide <= width
        assert 0 <= y < y + tall <= height
        assert wide * MOST_ALONG_A_SIDE >= width
        assert tall * MOST_ALONG_A_SIDE >= height
        covered[y : y + tall, x : x + wide] += 1
    assert covered.min() >= 2  # once by each level


def test_any_region_of_a_quarter_to_a_half_of_the_area_is_much_like_a_tile():
    """Intersection over union with the best tile, for boxes of the picture's proportions anywhere in it."""
    random = np.random.default_rng(0)
    tiles = np.array(tile_boxes(1200, 1200), float)
    best = []
    for area in random.uniform(0.25, 0.5, 500):
        side = 1200 * area**0.5
        x, y = random.uniform(0, 1200 - side, 2)
        across = np.minimum(tiles[:, 0] + tiles[:, 2], x + side) - np.maximum(tiles[:, 0], x)
        down = np.minimum(tiles[:, 1] + tiles[:, 3], y + side) - np.maximum(tiles[:, 1], y)
        shared = np.clip(across, 0, None) * np.clip(down, 0, None)
        best.append((shared / (tiles[:, 2] * tiles[:, 3] + side * side - shared)).max())
    assert min(best) > 0.45
    assert np.mean(best) > 0.65
