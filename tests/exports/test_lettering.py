from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lookalike.exports import lettering as module
from lookalike.exports.lettering import lettering


@pytest.fixture
def only_pillows_font(monkeypatch):
    """A machine without any of the fonts that are looked for."""
    monkeypatch.setattr(module, "_SYSTEM_FONTS", ())
    module._fonts.cache_clear()
    yield
    module._fonts.cache_clear()


@pytest.mark.usefixtures("only_pillows_font")
@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("bean_rust (1).jpg", "bean_rust (1).jpg"),
        ("Ünïcode.jpg", "Unicode.jpg"),
        ("猫.jpg", "?.jpg"),
        ("a\udcffb", "a?b"),
        ("", ""),
    ],
)
def test_without_a_font_for_it_a_character_is_substituted(text, drawn):
    assert lettering(text, 15, 500).text == drawn


@pytest.mark.parametrize("text", ["angular_leaf_spot_train.153.jpg", "Ελλάδα" * 20, "猫の写真" * 30])
def test_a_line_stays_within_its_width_in_pixels(text):
    line = lettering(text, 15, 120)
    canvas = Image.new("L", (400, 60))
    ImageDraw.Draw(canvas).text((0, 40), line.text, 255, line.font, anchor="ls")
    columns = np.flatnonzero(np.asarray(canvas).any(axis=0))
    assert 60 < columns.max() <= 122
    assert "…" in line.text


def test_the_end_of_a_long_name_stays():
    assert lettering("angular_leaf_spot_train.153.jpg", 15, 120).text.endswith(".jpg")


def test_one_character_that_no_font_draws_leaves_the_others_alone():
    assert lettering("é ü ñ \U000f0000.jpg", 14, 400).text == "é ü ñ ?.jpg"
