"""Memory in huge pages: nothing of it changes, and the kernel says that it is in such pages."""

from __future__ import annotations

import mmap
import platform
from pathlib import Path

import faiss
import numpy as np
import pytest

from lookalike.indexes.building import build_index
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
    values = np.frombuffer(mmap.mmap(-1, 16 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), np.uint8)
    values.reshape(-1, 256)[:] = np.arange(256)
    use_huge_pages(values.ctypes.data + 100, len(values) - 200)
    assert in_huge_pages(values.ctypes.data + len(values) // 2) >= 8 << 10
    assert (values.reshape(-1, 256) == np.arange(256)).all()


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
