"""Parts of pictures, in pixels and in fractions."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.images.region import Region, cut


@pytest.mark.parametrize(
    ("given", "box"),
    [
        ((10, 20, 30, 15), (10, 20, 30, 15)),
        ("10,20, 30 ,15", (10, 20, 30, 15)),
        ([0.25, 0, 0.5, 1], (25, 0, 50, 60)),
        ((0, 0, 1, 1), (0, 0, 100, 60)),
        ((0, 0, 1, 2), (0, 0, 1, 2)),
        ((-10, -10, 30, 30), (0, 0, 20, 20)),
        ((-0.5, 0.5, 1, 1), (0, 30, 50, 30)),
        ((0.5, 0.5, 0.6, 1.2), (50, 30, 50, 30)),
        ((0, 0, 1.5, 1), (0, 0, 100, 60)),
        ((0, 0, 2.5, 1), (0, 0, 2, 1)),
        ((90, 50, 1000, 1000), (90, 50, 10, 10)),
        ((10.4, 10.6, 10, 10), (10, 11, 10, 10)),
    ],
)
def test_a_region_is_clamped_to_the_picture(given, box):
    assert Region.of(given).box_in(100, 60) == box


def test_the_cut_is_of_these_pixels():
    pixels = np.arange(60 * 100 * 3, dtype=np.uint32).astype(np.uint8).reshape(60, 100, 3)
    np.testing.assert_array_equal(cut(pixels, Region(10, 20, 30, 15)), pixels[20:35, 10:40])


@pytest.mark.parametrize("given", [(100, 0, 10, 10), (0, 60, 10, 10), (-20, 0, 20, 10), (0, 0, 0.001, 0.5)])
def test_a_region_without_pixels_is_an_error(given):
    with pytest.raises(InputError, match="holds no pixel of the picture, which is 100 x 60"):
        Region(*given).box_in(100, 60)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("1,2,3", "not '1,2,3'"),
        ("a,b,c,d", "not 'a,b,c,d'"),
        ("", "not ''"),
        (5, "not 5"),
        ((1, 2, 3, 4, 5), "such as 10,20,300,200"),
        ((0, 0, 0, 5), "is empty"),
        ((0, 0, 5, -1), "is empty"),
        ((0, 0, np.inf, 1), "finite"),
        ("nan,0,1,1", "finite"),
        ((None, 0, 1, 1), "four finite numbers"),
    ],
)
def test_what_is_no_region_is_one_sentence(given, words):
    with pytest.raises(InputError, match=words) as raised:
        Region.of(given)
    assert "\n" not in str(raised.value)
