"""Hits as HTML: nothing that a file is called becomes markup."""

from __future__ import annotations

from html.parser import HTMLParser

from lookalike.api.hits import Hits
from lookalike.search.hit import Hit
from lookalike.server.page.asking import Marks, box_of
from lookalike.server.page.cards import examples_html, hits_html, text

EVIL = '"><script>alert(1)</script>{{7*7}}${7*7}.jpg'


class _Seen(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def hits(*found):
    return Hits("query", found, 0.1, None, lambda _: b"")


def hit(name=EVIL, **more):
    return Hit(1, name, "uri", -0.5, {"label": "<b>", "width": 100, "height": 50}, **more)


def test_names_are_shown_as_they_are_and_are_no_markup():
    page = hits_html(hits(hit()), "a gallery", Marks())
    seen = _Seen(page)
    assert seen.all("script") == [] == seen.all("b")[1:]
    assert EVIL.rpartition("/")[2] in "".join(seen.texts)
    assert "<b>" in seen.texts
    assert "\N{MINUS SIGN}0.500" in seen.texts
    for opens in ("{{", "${"):  # what Gradio's templates begin with
        assert opens not in page
    [image] = seen.all("img")
    assert image["src"].startswith("/galleries/a%20gallery/thumbnails/%22%3E%3Cscript")
    assert _Seen(examples_html([hit()], "g")).all("button")[0]["data-id"] == EVIL
    assert text("a\u202eb\n$") == "ab &#36;"


def test_ids_are_sent_back_as_they_are():
    name = '\u05d0\u200f\u202e{a}$ "b".jpg'
    seen = _Seen(hits_html(hits(hit(name)), "g", Marks()))
    assert {b["data-id"] for b in seen.all("button") if "data-id" in b} == {name}


def test_marks_are_pressed_buttons():
    page = _Seen(hits_html(hits(hit("a"), hit("b"), hit("c")), "g", Marks(("a",), ("b",))))
    pressed = {(b["data-id"], b["data-do"]) for b in page.all("button") if b.get("aria-pressed") == "true"}
    assert pressed == {("a", "good"), ("b", "bad")}


def test_the_part_that_was_found_is_framed():
    page = _Seen(hits_html(hits(hit("a", box=(25, 10, 50, 20))), "g", Marks()))
    [frame] = page.all("i")
    [why] = [button for button in page.all("button") if button["data-do"] == "why"]
    assert box_of({"box": why["data-box"]}) == (25, 10, 50, 20)
    assert frame["style"] == "left:25.00%;top:20.00%;width:50.00%;height:40.00%"
    assert _Seen(hits_html(hits(hit("a", box=(0, 0, 100, 50))), "g", Marks())).all("i") == []
    assert "Nothing in the gallery" in hits_html(hits(), "g", Marks())
