"""Heat maps light up where two pictures show the same, and add up to their score."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from lookalike.encoders.base import EncoderSpec
from lookalike.encoders.embedded import EmbeddedEncoder
from lookalike.encoders.patches import Patches, View
from lookalike.errors import InputError
from lookalike.search.explain import HeatMap, compare_places
from tests.toys import ToyEncoder, pixels_of

_PASTED = 120


@pytest.fixture(scope="module")
def encoder():
    return EmbeddedEncoder()


class TokenEncoder:
    """Shows squares of 4 pixels of a picture of 16 as its patches, and embeds it as the first of them."""

    batch_size = 4
    decode_side = None
    spec = EncoderSpec("tokens", "1", "00", "cls", "none", "f32", 48)

    def prepare(self, image):
        return image

    def encode_prepared(self, batch):
        return self.encode_patches(batch).features[:, 0, 0]

    def encode_images(self, images):
        return self.encode_prepared(np.stack(images))

    def encode_patches(self, batch):
        squares = batch.reshape(-1, 4, 4, 4, 4, 3).transpose(0, 1, 3, 2, 4, 5).reshape(-1, 4, 4, 48)
        return Patches(squares.astype(np.float32) - 100, are_averaged=False)


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def photo(photos, name, side=None):
    picture = Image.open(photos / f"{name}.png").convert("RGB")
    return np.array(picture.resize((side, side), Image.Resampling.BICUBIC) if side else picture)


def pasted(background, thing, top, left):
    picture = background[:320, :480].copy()
    picture[top : top + _PASTED, left : left + _PASTED] = thing
    return picture


@pytest.mark.parametrize(("thing", "grounds"), [("chelsea", ("grass", "brick")), ("astronaut", ("gravel", "brick"))])
def test_the_same_thing_at_two_places_lights_up_at_both(encoder, photos, thing, grounds):
    cut = photo(photos, thing)[:200, 130:330]
    cut = cv2.resize(cut, (_PASTED, _PASTED), interpolation=cv2.INTER_AREA)
    places = (20, 100), (180, 260)
    pictures = [pasted(photo(photos, ground), cut, *at) for ground, at in zip(grounds, places, strict=True)]
    likeness = compare_places(encoder, *pictures)
    for heat, (top, left) in zip((likeness.query, likeness.hit), places, strict=True):
        values = heat.values
        inside = np.zeros(values.shape, bool)
        inside[top : top + _PASTED, left : left + _PASTED] = True
        assert np.nanmean(values[inside]) > 2.5 * np.nanmean(values[~inside])
        row, column = np.unravel_index(np.nanargmax(values), values.shape)
        assert inside[row, column]


def test_contributions_add_up_to_the_cosine_of_the_embeddings(encoder, photos):
    pictures = [photo(photos, "chelsea"), photo(photos, "coffee")]
    likeness = compare_places(encoder, *pictures)
    assert likeness.method == "contribution"
    expected = cosine(*encoder.encode_images(pictures).astype(np.float64))
    assert likeness.score == pytest.approx(expected, abs=1e-6)
    assert likeness.query.grid.sum() == pytest.approx(expected, abs=1e-5)
    assert likeness.hit.grid.sum() == pytest.approx(expected, abs=1e-5)
    # the share of one place, with the other pictures' places left out one at a time
    features = encoder.encode_patches(np.stack([encoder.prepare(picture) for picture in pictures])).features
    first, second = features.reshape(2, 49, -1).astype(np.float64)
    scale = 49 * 49 * np.linalg.norm(first.mean(0)) * np.linalg.norm(second.mean(0))
    share = sum(first[10] @ other for other in second) / scale
    assert likeness.query.grid[1, 3] == pytest.approx(share, abs=1e-6)


def test_best_matches_are_those_of_a_naive_search():
    pictures = [pixels_of(seed, 16) for seed in (1, 2)]
    likeness = compare_places(TokenEncoder(), *pictures)
    assert likeness.method == "best-match"
    tokens = [
        [picture[r : r + 4, c : c + 4].ravel() - 100.0 for r in range(0, 16, 4) for c in range(0, 16, 4)]
        for picture in pictures
    ]
    for heat, own, other in ((likeness.query, *tokens), (likeness.hit, *tokens[::-1])):
        best = np.array([max(cosine(token, candidate) for candidate in other) for token in own])
        np.testing.assert_allclose(heat.grid.ravel(), best - best.mean(), atol=1e-5)
    assert likeness.score == pytest.approx(cosine(tokens[0][0], tokens[1][0]), abs=1e-6)


def test_a_blank_picture_has_a_map_too():
    likeness = compare_places(TokenEncoder(), np.full((16, 16, 3), 100, np.uint8), pixels_of(1, 16))
    assert likeness.score == 0
    assert np.isfinite(likeness.query.grid).all()
    assert np.isfinite(likeness.hit.grid).all()


def test_a_map_lies_over_the_part_that_the_encoder_sees():
    grid = np.array([[1.0, 2.0], [3.0, 5.0]], np.float32)
    heat = HeatMap(grid, View(left=0.25, top=0.0, right=0.75, bottom=1.0), np.zeros((40, 80, 3), np.uint8))
    values = heat.values
    assert values.shape == (40, 80)
    assert np.isnan(values[:, :20]).all()
    assert np.isnan(values[:, 60:]).all()
    seen = values[:, 20:60]
    np.testing.assert_allclose(seen[[0, 0, -1, -1], [0, -1, 0, -1]], [1, 2, 3, 5])
    expected = cv2.resize(grid, (40, 40), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(seen, expected, atol=1e-5)


def test_an_encoder_that_shows_no_places_is_told():
    with pytest.raises(InputError, match=r"\(toy\) does not show what it sees.*index with the embedded encoder"):
        compare_places(ToyEncoder(), pixels_of(1), pixels_of(2))
