"""The files of an index are in memory before the first search, if they fit; what they hold stays as it is."""

from __future__ import annotations

import mmap
import os

import numpy as np
import pytest

from lookalike.search import reading_ahead
from lookalike.search.reading_ahead import read_ahead

pytestmark = pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system takes no such advice")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "index").write_bytes(np.random.default_rng(0).bytes(3_000_000))
    (tmp_path / "ready.json").write_text("{}")
    return tmp_path


def test_what_fits_is_asked_for_from_its_beginning_to_its_end(folder, monkeypatch):
    asked = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _, *advice: asked.append(advice))
    assert read_ahead(folder)
    assert asked == [(0, 0, os.POSIX_FADV_WILLNEED)] * 2


def test_what_does_not_fit_is_left_where_it_is(folder, monkeypatch):
    monkeypatch.setattr(os, "posix_fadvise", lambda *_: pytest.fail("asked"))
    monkeypatch.setattr(reading_ahead, "available_memory", lambda: 3_500_000)
    assert not read_ahead(folder)


def test_the_files_stay_what_they_are(folder):
    before = (folder / "files" / "index").read_bytes()
    assert read_ahead(folder)
    with (folder / "files" / "index").open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert mapped[:] == before
