"""The page of a map holds all that it shows, and asks for nothing."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from lookalike.exports.map_page import Group, Spots, map_page
from lookalike.exports.sprites import sprites_of
from tests.toys import pixels_of

HOSTILE = "</script><img src=x onerror=alert(1)>@data@.png"


@pytest.fixture(scope="module")
def page():
    places = np.array([[-4.0, 1.0], [6.0, 3.0], [1.0, 6.0]])
    sprites = sprites_of([pixels_of(1), None, pixels_of(2)], 3, most_bytes=10_000)
    spots = Spots(places, ["a.png", HOSTILE, "c.png"], ["file:///a.png", "", "https://example.org/c"], sprites)
    groups = [Group("first", np.array([2, 0]), 2), Group(HOSTILE, np.array([1]), 1)]
    return map_page(spots, groups, title="Images <of> @note@", note="3 & more")


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_every_image_is_on_the_page(page):
    data = data_of(page)
    assert data["title"] == ["a.png", HOSTILE, "c.png"]
    assert data["link"] == ["file:///a.png", "", "https://example.org/c"]
    assert data["group"] == [0, 1, 0]
    assert data["groups"] == [{"name": "first", "count": 2, "central": 2}, {"name": HOSTILE, "count": 1, "central": 1}]
    np.testing.assert_allclose(list(zip(data["x"], data["y"], strict=True)), [[0, 0], [1, 0.2], [0.5, 0.5]])
    assert (data["width"], data["height"]) == (1.0, 0.5)
    assert data["sizes"] == [[8, 8], [0, 0], [8, 8]]
    assert len(data["sheets"]) == 1


def test_names_are_text_and_no_markup(page):
    assert "<img src=x" not in page
    assert page.count("</script>") == 2
    assert "<h1>Images &lt;of&gt; @note@</h1><p>3 &amp; more</p>" in page


def test_nothing_is_fetched(page):
    own = page.replace("https://example.org/c", "")  # what a click opens
    assert not re.search(r"(?:https?:)?//[a-z]", own.replace("file:///", ""))
    assert not re.search(r"<link|<iframe|@import|fetch\(|XMLHttpRequest|import\(", own)
    assert re.search(r"""content="default-src 'none'; img-src data:; [^"]*\"""", own)


def test_images_at_one_place_are_a_map_too():
    sprites = sprites_of([None], 1, most_bytes=1_000)
    data = data_of(
        map_page(Spots(np.ones((1, 2)), ["a"], [""], sprites), [Group("a", np.array([0]), 0)], title="", note="")
    )
    assert data["x"] == data["y"] == [0.0]
    assert data["width"] > 0
