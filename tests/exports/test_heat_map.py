from __future__ import annotations

import numpy as np

from lookalike.exports.heat_map import heated, side_by_side
from lookalike.exports.picture import Picture
from tests.toys import pixels_of


def test_hot_places_are_bright_and_unseen_ones_dim():
    grey = np.full((30, 30, 3), 120, np.uint8)
    heat = np.zeros((30, 30), np.float32)
    heat[:10], heat[20:] = 4.0, np.nan
    drawn = heated(grey, heat).astype(int)
    hot, cold, unseen = drawn[5, 5], drawn[15, 15], drawn[25, 25]
    assert hot[0] > hot[2] + 30  # towards yellow
    assert hot.sum() > 2 * cold.sum()
    assert unseen.max() < 60
    assert (grey == 120).all()


def test_a_picture_of_one_heat_and_one_not_seen_at_all_can_be_drawn():
    pixels = pixels_of(1, 12)
    assert heated(pixels, np.ones((12, 12), np.float32)).shape == (12, 12, 3)
    assert heated(pixels, np.full((12, 12), np.nan, np.float32)).max() < 90


def test_pictures_stand_side_by_side_whatever_their_shape():
    tall, wide = np.full((90, 30, 3), (255, 0, 0), np.uint8), np.full((30, 90, 3), (0, 0, 255), np.uint8)
    pictures = [Picture("a" * 300, "query", tall), Picture("b", "", wide)]
    sheet = side_by_side(pictures, "0.500: why", side=180).astype(int)
    red, blue = (np.argwhere((np.abs(sheet - colour) < 9).all(axis=2)) for colour in ((255, 0, 0), (0, 0, 255)))
    assert np.ptp(red, axis=0).tolist() == [179, 59]
    assert np.ptp(blue, axis=0).tolist() == [59, 179]
    assert red[:, 1].max() < blue[:, 1].min()
