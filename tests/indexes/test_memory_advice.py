"""Memory in huge pages: nothing of it changes, and the kernel says that it is in such pages."""

from __future__ import annotations

import mmap
import platform
from pathlib import Path

import numpy as np
import pytest

from lookalike.indexes import faiss_backend, memory_advice
from lookalike.indexes.building import build_index
from lookalike.indexes.faiss_library import faiss
from lookalike.indexes.memory_advice import use_huge_pages
from lookalike.testing.index_contract import mixture

_SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def in_huge_pages(address):
    """Return how many kilobytes of the mapping of an address are in huge pages."""
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name = line.split()[0]
        if "-" in name:
            start, end = (int(part, 16) for part in name.split("-"))
            inside = start <= address < end
        elif inside and name == "AnonHugePages:":
            return int(line.split()[1])
    return 0


def has_huge_pages():
    """Say whether this is Linux 6.1 or newer, with huge pages for who asks."""
    if not _SETTING.is_file() or "[never]" in _SETTING.read_text():
        return False
    return tuple(int(part) for part in platform.release().split(".")[:2]) >= (6, 1)


needs_huge_pages = pytest.mark.skipif(not has_huge_pages(), reason="this system has no huge pages")


@pytest.mark.machine
@needs_huge_pages
def test_memory_that_is_in_use_moves_into_huge_pages_as_it_is():
    memory = mmap.mmap(-1, 16 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)  # or it may be in such pages from the beginning
    values = np.frombuffer(memory, np.uint8)
    values.reshape(-1, 256)[:] = np.arange(256)
    use_huge_pages(values.ctypes.data + 100, len(values) - 200)
    assert in_huge_pages(values.ctypes.data + len(values) // 2) >= 8 << 10
    assert (values.reshape(-1, 256) == np.arange(256)).all()


@pytest.fixture
def advice(monkeypatch, tmp_path):
    """What the kernel is told, by a system that allows huge pages: addresses, sizes and kinds."""
    setting = tmp_path / "enabled"
    setting.write_text("always [madvise] never\n")
    told = []

    def tell(*what):
        told.append(what)
        return 0

    monkeypatch.setattr(memory_advice, "_SETTING", setting)
    monkeypatch.setattr(memory_advice, "_madvise", tell)
    return told


_HUGE = 2 << 20


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="this system has no huge pages")
@pytest.mark.parametrize(
    ("address", "size", "blocks"),
    [
        (3 * _HUGE, 2 * _HUGE, [3, 4]),
        (3 * _HUGE + 1, 2 * _HUGE, [4]),
        (3 * _HUGE - 1, 2 * _HUGE, [3]),
        (3 * _HUGE + 1, 2 * _HUGE - 2, []),
        (3 * _HUGE, _HUGE - 1, []),
    ],
)
def test_only_whole_blocks_of_the_memory_itself_are_moved(advice, address, size, blocks):
    use_huge_pages(address, size)
    moved = [(start, length) for start, length, kind in advice if kind == 25]
    assert moved == [(block * _HUGE, _HUGE) for block in blocks]
    assert sum(length for _, length, kind in advice if kind == mmap.MADV_HUGEPAGE) == len(blocks) * _HUGE


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="this system has no huge pages")
def test_a_system_that_has_no_more_of_them_is_not_asked_on_and_on(advice, monkeypatch):
    monkeypatch.setattr(memory_advice, "_madvise", lambda *what: advice.append(what) or -1)
    use_huge_pages(0, 1_000 * _HUGE)
    assert len(advice) < 20


def test_an_administrator_s_refusal_is_kept_to(advice):
    memory_advice._SETTING.write_text("always madvise [never]\n")
    use_huge_pages(0, 10 * _HUGE)
    assert advice == []


def test_codes_and_links_are_what_is_moved(monkeypatch):
    moved = []
    monkeypatch.setattr(faiss_backend, "use_huge_pages", lambda address, size: moved.append((address, size)))
    index = build_index("hnsw", mixture(5_000, 32, seed=1)).backend._index
    codes, links = faiss.downcast_index(index.storage).codes, index.hnsw.neighbors
    assert moved == [(int(codes.data()), codes.size()), (int(links.data()), 4 * links.size())]


@pytest.mark.parametrize("size", [0, 10, 5_000])
def test_little_memory_stays_where_it_is(size):
    values = np.ones(size, np.uint8)
    use_huge_pages(values.ctypes.data, size)
    assert values.sum() == size


@pytest.mark.machine
@needs_huge_pages
@pytest.mark.parametrize("spec", ["hnsw:m=4,efConstruction=10", "ivfpq:lists=16"])
def test_what_a_search_jumps_about_in_is_in_huge_pages(spec):
    built = build_index(spec, mixture(30_000, 256, seed=1)).backend._index
    codes = faiss.downcast_index(built.refine_index if isinstance(built, faiss.IndexRefine) else built.storage).codes
    assert codes.size() == 30_000 * 512
    assert in_huge_pages(int(codes.data()) + codes.size() // 2) >= 8 << 10
