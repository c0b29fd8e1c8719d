from __future__ import annotations

import json
import re

import pytest
from PIL import Image

import lookalike
from lookalike.errors import InputError
from tests.toys import ToyEncoder, plant


@pytest.fixture
def found(tmp_path):
    plant(tmp_path / "photos" / "a", range(8))
    plant(tmp_path / "photos" / "b", range(8, 16))
    gallery = lookalike.open(tmp_path / "photos", encoder=ToyEncoder())
    gallery.add(tmp_path / "photos")
    return gallery.evaluate(label_from="parent")


def test_the_values_are_json(found):
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert values == found.to_dict()
    assert {"queries", "gallery_size", "precision", "recall", "map", "mrr", "ndcg", "per_label"} <= values.keys()
    assert values["precision"].keys() == values["recall"].keys() == values["ndcg"].keys() == {"1", "5", "10"}
    for name in ("map", "mrr"):
        low, high = values["intervals"][name]
        assert low <= values[name] <= high
    assert [hit["rank"] for hit in values["worst"][0]["hits"]] == [1, 2, 3, 4, 5]


def test_it_is_shown_as_its_figures(found):
    first, *rows = repr(found).splitlines()
    assert first.endswith("16 queries")
    assert len(rows) == len(found.overall.estimates)
    assert rows[0].startswith(f"P@1        {found.to_dict()['precision']['1']:.3f} (")


def test_the_worst_are_saved_as_a_sheet_or_a_page(found, tmp_path):
    sheet = found.save_worst(tmp_path / "new" / "worst.png")
    with Image.open(sheet) as picture:
        assert picture.height > picture.width  # six rows of a query and five hits
    page = found.save_worst(tmp_path / "worst.html").read_text("utf-8")
    assert page.count(">Query<") == 6
    assert all(f"{example.group}, AP {example.average_precision:.3f}" in page for example in found.worst)
    with pytest.raises(InputError, match=r"\.png or \.html, not as \.gif"):
        found.save_worst(tmp_path / "worst.gif")


def test_the_report_holds_figures_and_pictures(found, tmp_path):
    page = found.save_report(tmp_path / "report.html").read_text("utf-8")
    for estimate in found.overall.estimates.values():
        assert f"{estimate.mean:.3f}" in page
        assert f"{estimate.low:.3f} to {estimate.high:.3f}" in page
    assert page.count('<img src="data:image/jpeg') == 2 * 6 * 6
    assert re.findall(r"<h2 id[^>]*>([^<]*)", page) == [
        "Overall", "By label", "Confusion", "Worst queries", "Best queries",
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"saved as \.html, not as \.png"):
        found.save_report(tmp_path / "report.png")
