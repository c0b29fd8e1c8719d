from __future__ import annotations

import base64
import io
import re
from datetime import datetime, timezone
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from lookalike.exports.html_page import html_page
from lookalike.exports.picture import Picture, Section

HOSTILE = "<script>alert(1)</script>\"'&.jpg"
VOID = {"meta", "img", "wbr"}


class _Page(HTMLParser):
    """Every element with its attributes, and the text inside it, as a browser would see them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self._open: list[tuple[str, dict[str, str], list[str]]] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        element = (tag, dict(attrs), [])
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        for element in self._open:
            element[2].append(data)

    def all(self, tag: str, class_: str | None = None) -> list[dict[str, str]]:
        return [
            {**attributes, "text": "".join(text)}
            for name, attributes, text in self.elements
            if name == tag and class_ in (None, attributes.get("class"))
        ]


def _picture(colour=(200, 30, 30), **changes):
    values = {"title": "a.jpg", "subtitle": "label", "pixels": np.full((60, 80, 3), colour, np.uint8), "score": 0.5}
    return Picture(**{**values, **changes})


def _image(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"), validate=True)))


def test_query_and_hits_are_shown_in_order_with_rank_score_and_attributes():
    hits = [
        _picture(
            (0, 200, 0), title="best.jpg", subtitle="healthy", score=0.91, attributes={"width": 500, "ratio": 0.5}
        ),
        _picture((0, 0, 200), title="next.jpg", score=-0.25, attributes={"none": None, "is_open": True}),
    ]
    page = _Page(html_page([Section(_picture(title="query.jpg", score=None), hits)], title="Look"))
    assert [title["text"] for title in page.all("p", "title")] == ["query.jpg", "best.jpg", "next.jpg"]
    assert [rank["text"] for rank in page.all("span", "rank")] == ["1", "2"]
    assert [score["text"] for score in page.all("p", "score")] == ["0.910", "\N{MINUS SIGN}0.250"]
    assert [bar["style"] for bar in page.all("i")] == ["width: 91.0%", "width: 0.0%"]
    names, values = ([item["text"] for item in page.all(tag)] for tag in ("dt", "dd"))
    assert list(zip(names, values, strict=True)) == [("width", "500"), ("ratio", "0.5"), ("is_open", "yes")]
    shown = [np.asarray(_image(image["src"])).mean(axis=(0, 1)).argmax() for image in page.all("img")]
    assert shown == [0, 1, 2]
    assert [image["alt"] for image in page.all("img")] == ["query.jpg", "best.jpg", "next.jpg"]


def test_no_text_becomes_markup():
    picture = _picture(title=HOSTILE, subtitle=HOSTILE, attributes={HOSTILE: HOSTILE})
    text = html_page([Section(picture, [picture], heading=HOSTILE)], title=HOSTILE)
    page = _Page(text)
    assert page.all("script") == []
    assert {
        attribute for _, attributes, _ in page.elements for attribute in attributes if attribute[:2] == "on"
    } == set()
    assert page.all("title")[0]["text"] == page.all("h1")[0]["text"] == HOSTILE
    assert page.all("p", "asked")[0]["text"] == HOSTILE
    assert {item["text"] for item in [*page.all("p", "title"), *page.all("dt"), *page.all("dd")]} == {HOSTILE}
    assert {image["alt"] for image in page.all("img")} == {HOSTILE}


def test_the_page_needs_nothing_but_itself():
    text = html_page([Section(_picture(), [_picture()])], title="Look")
    page = _Page(text)
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in page.all("img"))
    assert {tag for tag, _, _ in page.elements} & {"link", "script", "iframe", "object"} == set()
    assert not re.search(r"https?:|url\(|@import", text)
    policy = next(meta for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy["content"]
    assert {"charset": "utf-8", "text": ""} in page.all("meta")


@pytest.mark.parametrize(
    ("scores", "bars"),
    [([0.9, -0.2], 2), ([1.0000005, 0.2], 2), ([-0.3, -0.8], 0), ([41.5, 0.3], 0), ([None], 0)],
)
def test_bars_are_drawn_for_cosines_only(scores, bars):
    page = _Page(html_page([Section(None, [_picture(score=score) for score in scores])], title="Look"))
    assert len(page.all("span", "bar")) == bars
    assert len(page.all("p", "score")) == sum(score is not None for score in scores)


def test_a_missing_picture_says_so():
    page = _Page(html_page([Section(None, [_picture(pixels=None)])], title="Look"))
    assert page.all("img") == []
    assert [frame["text"] for frame in page.all("div", "frame")] == ["missing"]


def test_odd_names_and_dates_can_be_written_as_utf_8():
    taken = datetime(2020, 3, 4, 5, 6, 7, tzinfo=timezone.utc)
    picture = _picture(title="caf\udce9_猫.jpg", attributes={"taken": taken})
    text = html_page([Section(None, [picture])], title="\udc80")
    page = _Page(text.encode("utf-8").decode("utf-8"))
    assert page.all("p", "title")[0]["text"] == "caf\N{REPLACEMENT CHARACTER}_猫.jpg"
    assert page.all("dd")[0]["text"] == "2020-03-04 05:06+00:00"


def test_a_large_photo_is_scaled_down(photos):
    pixels = np.asarray(Image.open(photos / "retina.jpg").convert("RGB"))
    page = _Page(html_page([Section(_picture(pixels=pixels), [_picture(pixels=pixels)])], title="Look"))
    assert [_image(image["src"]).size for image in page.all("img")] == [(512, 512), (320, 320)]


def test_several_queries_and_no_hits():
    sections = [Section(_picture(), []), Section(None, [_picture()], heading="a green leaf")]
    page = _Page(html_page(iter(sections), title="Look"))
    assert len(page.all("section")) == 2
    assert [note["text"] for note in page.all("p", "none")] == ["Nothing found."]
    assert [note["text"] for note in page.all("p", "asked")] == ["a green leaf"]
