"""The files of an index are in memory before the first search, if they fit; what they hold stays as it is."""

from __future__ import annotations

import ctypes
import mmap
import os

import numpy as np
import pytest

from lookalike.search import reading_ahead
from lookalike.search.reading_ahead import read_ahead


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "index").write_bytes(np.random.default_rng(0).bytes(3_000_000))
    (tmp_path / "ready.json").write_text("{}")
    return tmp_path


def share_in_memory(path):
    """Return how much of a file the system holds in memory, as ``mincore(2)`` tells."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE) as mapped:
        address = np.frombuffer(mapped, np.uint8).ctypes.data
        pages = (ctypes.c_ubyte * -(-len(mapped) // mmap.PAGESIZE))()
        assert ctypes.CDLL(None, use_errno=True).mincore(ctypes.c_void_p(address), len(mapped), pages) == 0
        return sum(page & 1 for page in pages) / len(pages)


@pytest.mark.machine
@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="needs a way to put files out of memory")
def test_all_that_fits_is_in_memory_afterwards(tmp_path):
    path = tmp_path / "index"
    path.write_bytes(np.random.default_rng(0).bytes(48 << 20))
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if share_in_memory(path) > 0.5:
        pytest.skip("files stay in memory here")
    assert read_ahead(tmp_path)
    assert share_in_memory(path) > 0.99


def test_what_does_not_fit_is_left_where_it_is(folder, monkeypatch):
    monkeypatch.setattr(reading_ahead, "available_memory", lambda: 3_500_000)
    monkeypatch.setattr("pathlib.Path.open", lambda *_, **__: pytest.fail("read"))
    assert not read_ahead(folder)


def test_the_files_stay_what_they_are(folder):
    before = (folder / "files" / "index").read_bytes()
    assert read_ahead(folder)
    with (folder / "files" / "index").open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert mapped[:] == before
