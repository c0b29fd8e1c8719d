from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np

from lookalike.exports.picture import Picture, Section
from lookalike.exports.report_page import Bounded, Illustrations, Matrix, Report, Table, report_page

HOSTILE = "<script>alert(1)</script>\"'&"


class Outline(HTMLParser):
    """The tags that are open at each text, and the cells of each table."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tables, self.headings, self.tags = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append((tag, dict(attrs).get("scope"), ""))
        if tag not in ("meta", "img", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "th" in self.open or "td" in self.open:
            tag, scope, text = self.tables[-1][-1][-1]
            self.tables[-1][-1][-1] = (tag, scope, text + data)
        elif self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append((self.open[-1], data))


def page_of(*parts):
    return report_page(Report("Quality", {"Gallery": HOSTILE}, parts))


def test_tables_have_headings_that_a_screen_reader_announces():
    rows = [["cats", "3", Bounded(0.5, 0.25, 0.75)], ["dogs", "1,000", Bounded(1.0, 1.0, 1.0)]]
    page = Outline(page_of(Table("By label", "a note", ["label", "queries", "P@1"], rows)))
    (table,) = page.tables
    assert table[0] == [("th", "col", "label"), ("th", "col", "queries"), ("th", "col", "P@1")]
    assert table[1] == [("th", "row", "cats"), ("td", None, "3"), ("td", None, "0.500 0.250 to 0.750")]
    assert table[2][2][2] == "1.000 1.000 to 1.000"
    regions = [attributes for tag, attributes in page.tags if attributes.get("role") == "region"]
    assert [region["tabindex"] for region in regions] == ["0"]  # it scrolls by the keyboard
    assert regions[0]["aria-labelledby"] in [attributes.get("id") for tag, attributes in page.tags if tag == "h2"]


def test_a_bar_marks_the_value_and_its_interval():
    page = page_of(Table("T", "", ["a", "b"], [["x", Bounded(0.5, 0.25, 0.75)]]))
    assert '<i style="width: 50.0%"></i>' in page
    assert "left: min(25.0%, 100% - 2px); width: 50.0%" in page


def test_a_matrix_counts_pairs_and_colours_their_share():
    matrix = Matrix("Confusion", "", "asked", ["a", "b", "c"], {"a": {"a": 4, "c": 1}, "b": {}})
    page = page_of(matrix)
    (table,) = Outline(page).tables
    assert [cell[2] for cell in table[0]] == ["asked", "a", "b", "c"]
    assert [[cell[2] for cell in row] for row in table[1:]] == [["a", "4", "0", "1"], ["b", "0", "0", "0"]]
    assert re.findall(r"--share: ([\d.]+)", page)[:3] == ["0.440", "0.000", "0.110"]
    assert page.count('<td class="right"') == 2


def test_queries_are_shown_below_their_heading():
    picture = Picture("a.jpg", "label", np.zeros((8, 8, 3), np.uint8), 0.5)
    page = page_of(Illustrations("Worst", "why", [Section(picture, [picture, picture])]))
    assert Outline(page).headings == [("h1", "Quality"), ("h2", "Worst"), ("h3", "Query"), ("h3", "2 most alike")]
    assert page.count("data:image/jpeg") == 3


def test_every_text_is_escaped_and_nothing_is_requested():
    hostile = Table(HOSTILE, HOSTILE, [HOSTILE, HOSTILE], [[HOSTILE, HOSTILE]])
    page = page_of(hostile, Matrix(HOSTILE, HOSTILE, HOSTILE, [HOSTILE], {HOSTILE: {HOSTILE: 1}}))
    tags = Outline(page).tags
    assert "script" not in [tag for tag, _ in tags]
    assert "default-src 'none'" in page
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", page)
