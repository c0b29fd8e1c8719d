"""Galleries of every format there ever was can be read and added to."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import lookalike
from lookalike.gallery.manifest import FORMAT
from tests.building.sources import MemorySource
from tests.data.make_format import FORMATS, QUERY, ColourEncoder, make
from tests.toys import png

STORED = sorted(path.name for path in FORMATS.iterdir())
MOST_BYTES = 60_000


def test_each_format_is_stored():
    assert sorted(f"v{number}" for number in range(1, FORMAT + 1)) == STORED
    for name in STORED:
        assert sum(path.stat().st_size for path in (FORMATS / name).rglob("*") if path.is_file()) < MOST_BYTES


@pytest.fixture(params=STORED)
def stored(request, tmp_path):
    """A copy, for tests must not write into what is stored."""
    return shutil.copytree(FORMATS / request.param, tmp_path / "stored")


def check_hits(folder):
    hits = [hit.to_dict() for hit in lookalike.open(folder / "gallery").search(np.array(QUERY))]
    expected = json.loads((folder / "hits.json").read_text())
    assert [{**hit, "score": None} for hit in hits] == [
        {**hit, "uri": found["uri"], "score": None} for hit, found in zip(expected, hits, strict=True)
    ]
    assert [hit["score"] for hit in hits] == pytest.approx([hit["score"] for hit in expected], abs=1e-6)


def test_a_stored_gallery_gives_the_same_hits(stored):
    check_hits(stored)
    gallery = lookalike.open(stored / "gallery")
    assert gallery.spec == ColourEncoder.spec
    assert [(item.id, item.reason) for item in gallery.failures()] == [
        ("photos/bad.jpg", "not a picture in a format that lookalike reads")
    ]
    by_id = {hit.id: hit for hit in gallery.search(np.array(QUERY))}
    assert by_id["photos/a.png"].uri == str(stored / "photos" / "a.png")
    assert by_id["rows/0"].attributes["label"] == "cat"
    assert gallery.search(np.array(QUERY), where="number = 3 and is_sharp").ids == ["rows/0"]
    assert gallery.read(by_id["rows/0"])[:2] == b"\xff\xd8"


def test_a_stored_gallery_can_be_added_to(stored):
    gallery = lookalike.open(stored / "gallery", encoder=ColourEncoder())
    rows = {"rows/0": png(2), "rows/1": png(30), "rows/2": png(4)}
    report = gallery.add(MemorySource(rows, prefix="rows/"))
    assert (report.added, report.updated, report.embedded, report.total) == (1, 2, 2, 4)


def test_the_present_format_is_still_the_stored_one(tmp_path):
    make(tmp_path / "made")
    assert json.loads((tmp_path / "made" / "hits.json").read_text()) == json.loads(
        (FORMATS / f"v{FORMAT}" / "hits.json").read_text()
    )
