"""Copies of a picture have its fingerprint, and other pictures do not."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from lookalike.curation.fingerprint import (
    LENGTH,
    fingerprint,
    hashes,
    is_same,
    is_same_in_fine,
    likeness,
    turned_hashes,
)

_SIDES = list(Image.Transpose)


@pytest.fixture(scope="module")
def photos(beans):
    return [Image.open(path).convert("RGB") for path in sorted((beans / "test").rglob("*.jpg"))[:60]]


def printed(image):
    return fingerprint(np.asarray(image))


def encoded(image, quality):
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def captioned(image):
    drawn = image.copy()
    ImageDraw.Draw(drawn).rectangle((95, 195, 270, 230), "black")
    ImageDraw.Draw(drawn).text((100, 200), "HELLO WORLD", "white", font_size=20)
    return drawn


@pytest.mark.parametrize(
    "change",
    [
        lambda image: encoded(image, 30),
        lambda image: image.resize((image.width // 2, image.height // 2)),
        lambda image: image.resize((96, 96)).rotate(270),
        ImageOps.mirror,
        lambda image: encoded(image.rotate(90), 60),
    ],
    ids=["quality 30", "half", "small and turned", "mirrored", "turned and encoded anew"],
)
def test_a_copy_is_the_same_picture(photos, change):
    for photo in photos[:20]:
        copy = change(photo)
        one, other = printed(photo), printed(copy)
        assert is_same(*likeness(one, other[None])).all()
        assert is_same_in_fine(np.asarray(photo), np.asarray(copy))
        apart = np.unpackbits(turned_hashes(other[None])[0] ^ hashes(one[None])[0], axis=1).sum(axis=1)
        assert apart.min() <= 7


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.convert("L").convert("RGB"),
        lambda image: image.crop((60, 60, 440, 440)),
        lambda image: ImageOps.expand(image, 40, "white"),
        lambda image: image.filter(ImageFilter.GaussianBlur(25)),
        lambda image: ImageEnhance.Brightness(image).enhance(1.2),
        captioned,
    ],
    ids=["grey", "cut", "framed", "blurred beyond recognition", "brighter", "captioned"],
)
def test_an_edited_picture_is_another(photos, change):
    pairs = [(photo, change(photo)) for photo in photos[:20]]
    assert not any(
        is_same(*likeness(printed(photo), printed(edited)[None])).item()
        and is_same_in_fine(np.asarray(photo), np.asarray(edited))
        for photo, edited in pairs
    )


def test_no_two_different_leaves_are_the_same(photos):
    prints = np.stack([printed(photo) for photo in photos])
    scores = np.stack([likeness(one, prints)[0] for one in prints])
    np.fill_diagonal(scores, 0)
    assert scores.max() < 0.9


@pytest.mark.parametrize("turn", _SIDES)
def test_each_turn_has_the_hash_of_the_turned_picture(photos, turn):
    one, turned = printed(photos[0]), printed(photos[0].transpose(turn))
    assert (turned_hashes(one[None])[0] == hashes(turned[None])[0]).all(axis=1).sum() == 1


def test_a_hash_is_of_the_signs_of_the_cosine_transform(photos):
    cv2 = pytest.importorskip("cv2")
    one = printed(photos[3])
    assert one.shape == (LENGTH,)
    low = cv2.dct(one[:1024].reshape(32, 32).astype(np.float32))[:8, :8].ravel() > 0
    low[0] = False
    assert np.array_equal(np.unpackbits(hashes(one[None])[0][0]), low)


def test_a_picture_of_one_colour_has_no_features():
    blank = printed(Image.new("RGB", (300, 200), "teal"))
    assert not hashes(blank[None])[1][0]
