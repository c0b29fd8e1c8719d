from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import InputError
from lookalike.exports.contact_sheet import contact_sheet
from lookalike.exports.picture import Picture, Section

RED, GREEN, BLUE, AMBER, PLUM = (200, 0, 0), (0, 160, 0), (10, 10, 210), (250, 180, 0), (120, 0, 120)


def _picture(colour, *, title="a.jpg", subtitle="label", shape=(90, 90), score=0.5):
    pixels = None
    if colour is not None:
        pixels = np.full((*shape, 3), colour, np.uint8)
        pixels.flags.writeable = False
    return Picture(title, subtitle, pixels, score)


def _box(sheet, colour):
    """Return left, top, width and height of where the colour is."""
    rows, columns = np.nonzero((sheet == np.array(colour, np.uint8)).all(axis=2))
    assert len(rows), f"{colour} is nowhere"
    return columns.min(), rows.min(), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


def test_hits_stand_in_reading_order_right_of_the_query():
    hits = [_picture(colour) for colour in (RED, GREEN, BLUE, AMBER)]
    sheet = contact_sheet(Section(_picture(PLUM, score=None), hits), columns=3, thumb=100)
    query, red, green, blue, amber = (_box(sheet, colour) for colour in (PLUM, RED, GREEN, BLUE, AMBER))
    assert query[0] + query[2] < red[0]
    assert red[0] < green[0] < blue[0]
    assert red[1] == green[1] == blue[1]
    assert amber[0] == red[0]
    assert amber[1] > red[1] + red[3]
    assert (sheet[0] == 255).all()
    assert (sheet[:, -1] == 255).all()
    assert (sheet[-1] == 255).all()


def test_every_hit_fills_its_thumbnail_and_keeps_its_proportions():
    hits = [_picture(RED, shape=(300, 300)), _picture(GREEN, shape=(300, 150)), _picture(BLUE, shape=(100, 400))]
    sheet = contact_sheet(Section(None, hits), thumb=200)
    assert _box(sheet, RED)[2:] == (200, 200)
    assert _box(sheet, GREEN)[2:] == (100, 200)
    assert _box(sheet, BLUE)[2:] == (200, 50)


def test_a_missing_picture_keeps_its_place():
    with_all = contact_sheet(Section(None, [_picture(colour) for colour in (RED, GREEN, BLUE)]), thumb=120)
    sheet = contact_sheet(Section(None, [_picture(RED), _picture(None), _picture(BLUE)]), thumb=120)
    assert sheet.shape == with_all.shape
    assert _box(sheet, BLUE) == _box(with_all, BLUE)
    left, top, width, height = _box(with_all, GREEN)
    place = sheet[top : top + height, left : left + width]
    grey = np.ptp(place.astype(int), axis=2).max()
    assert grey < 60
    word = place[height // 2 - 8 : height // 2 + 8, 20:-20]
    assert word.min() < 160 < 220 < word.max()  # something is written on the grey


def test_the_query_is_framed():
    plain = _picture(PLUM, score=None)
    sheet = contact_sheet(Section(plain, [_picture(RED)]), thumb=100)
    left, top, _, height = _box(sheet, PLUM)
    middle = top + height // 2
    outside = sheet[middle, left - 12 : left].astype(int)
    assert (outside[:, 2] - outside[:, 0] > 100).any(), "no blue frame left of the query"
    hit_left, hit_top, _, hit_height = _box(sheet, RED)
    beside_hit = sheet[hit_top + hit_height // 2, hit_left - 8 : hit_left]
    assert (beside_hit == 255).all()


def test_rank_score_name_and_label_are_drawn():
    def drawn(**changes):
        return contact_sheet(Section(None, [_picture(RED, **changes)]), thumb=150)

    bare = drawn(title="", subtitle="", score=None)
    left, top, width, height = _box(bare, RED)
    caption = bare[top + height :]
    assert (caption == 255).all()
    assert (bare[top : top + height // 3, left : left + width // 3] == (26, 31, 41)).all(axis=2).any(), "no rank"
    for changes in ({"title": "leaf.jpg"}, {"subtitle": "healthy"}, {"score": 0.75}):
        with_one = drawn(**{"title": "", "subtitle": "", "score": None, **changes})
        assert with_one.shape == bare.shape
        assert (with_one[top + height :] != 255).any(), changes
        assert (with_one[: top + height] == bare[: top + height]).all()
    assert (drawn(score=0.75) != drawn(score=0.25)).any()


def test_no_name_crashes_or_leaves_its_cell():
    names = ["caf\udce9\n.jpg", "猫の写真.jpg", "x" * 500, "\N{GRINNING FACE}", "\x00\x1b[31m", "", "مرحبا.jpg"]
    hits = [_picture(RED, title=name, subtitle=name) for name in names]
    sheet = contact_sheet(Section(_picture(PLUM, title=names[2]), hits), columns=7, thumb=96)
    assert (sheet[:, -1] == 255).all()
    lefts = [column for column in range(1, sheet.shape[1]) if (sheet[:, column] != 255).any()]
    gaps = np.flatnonzero(np.diff(lefts) > 1)
    assert len(gaps) >= 7  # a white gap between any two neighbours, names and all


def test_no_hits_is_a_picture_too():
    sheet = contact_sheet(Section(_picture(PLUM), []), thumb=80)
    assert _box(sheet, PLUM)[2] == 120
    assert contact_sheet(Section(None, [])).ndim == 3


def test_a_sheet_is_no_wider_than_its_hits():
    assert contact_sheet(Section(None, [_picture(RED)]), columns=5).shape[1] < 2 * 224


@pytest.mark.parametrize("wrong", [{"columns": 0}, {"thumb": 10}])
def test_sizes_too_small_are_refused(wrong):
    with pytest.raises(InputError, match="at least 1 column"):
        contact_sheet(Section(None, [_picture(RED)]), **wrong)


def test_a_sheet_of_real_photos_shows_them(photos):
    names = ["coffee.png", "chelsea.png", "rocket.jpg"]
    pixels = [np.asarray(Image.open(photos / name).convert("RGB")) for name in names]
    hits = [Picture(name, "", image, 0.9) for name, image in zip(names, pixels, strict=True)]
    sheet = contact_sheet(Section(None, hits), thumb=224)
    for image in pixels:
        height = round(224 * image.shape[0] / image.shape[1])
        small = np.asarray(Image.fromarray(image).resize((224, height), Image.Resampling.LANCZOS))
        core = small[height // 3 : -height // 3, 60:-60]  # without rank and corners
        windows = np.lib.stride_tricks.sliding_window_view(sheet[..., 1], core.shape[:2])
        starts = np.argwhere(windows[:, :, 0, 0] == core[0, 0, 1])
        assert any((windows[row, column] == core[..., 1]).all() for row, column in starts)
