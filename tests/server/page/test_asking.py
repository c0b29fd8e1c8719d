"""What the page asks with."""

from __future__ import annotations

import numpy as np
import pytest

import lookalike
from lookalike.errors import InputError
from lookalike.search.terms import Kind
from lookalike.server.page.asking import Marks, asked_terms, box_of, item_term, led_by
from tests.server.service import toy_gallery
from tests.toys import png


def test_what_a_client_types_is_words_and_never_a_path():
    for text in ("/etc/passwd", "photos/0000.png", "id:photos/0000.png", "http://example.org/a.jpg", "a + b.jpg"):
        [term] = asked_terms(None, "", text)
        assert (term.kind, term.what) == (Kind.TEXT, text)


def test_a_picture_has_a_region_and_goes_with_words():
    picture, words = asked_terms(png(1), "0,0,0.5,1", " a leaf ")
    assert picture.crop.numbers == (0, 0, 0.5, 1)
    assert words.what == "a leaf"
    with pytest.raises(InputError, match="nothing to search for"):
        asked_terms(None, "", "  ")
    with pytest.raises(InputError, match="region"):
        asked_terms(png(1), "left half", "")


def test_the_box_of_a_hit_is_four_numbers_or_none():
    assert box_of({"id": "a"}) is box_of({"box": None}) is None
    assert box_of({"box": "1,2,30,40"}) == (1, 2, 30, 40)
    for wrong in ("1,2,3", [1, 2, 3, "../x"], {"x": 1}, "0,0,-1,5", float("nan")):
        with pytest.raises(InputError):
            box_of({"box": wrong})


def test_a_mark_replaces_the_other_and_is_taken_back():
    marks = Marks().toggled("a", "good").toggled("b", "bad").toggled("a", "bad")
    assert (marks.good, marks.bad) == ((), ("b", "a"))
    assert not marks.toggled("a", "bad").toggled("b", "bad")


def test_marks_lead_as_rocchio_has_it(tmp_path):
    gallery = toy_gallery(tmp_path, 5)
    ids = [f"photos/{number:04d}.png" for number in range(5)]
    unit = {item: vector / np.linalg.norm(vector) for item in ids for vector in [gallery.embed(f"id:{item}")]}
    query = led_by((item_term(ids[0]),), Marks(good=(ids[1], ids[2]), bad=(ids[3],)))
    expected = unit[ids[0]] + 0.75 * (unit[ids[1]] + unit[ids[2]]) / 2 - 0.15 * unit[ids[3]]
    found = gallery.embed(query)
    assert found @ expected / np.linalg.norm(found) / np.linalg.norm(expected) == pytest.approx(1, abs=1e-6)
    alone = led_by((item_term(ids[0]),), Marks())
    assert isinstance(alone, lookalike.Query)
    np.testing.assert_array_equal(gallery.embed(alone), gallery.embed(f"id:{ids[0]}"))
