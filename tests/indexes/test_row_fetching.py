"""Rows that are fetched from a mapped file are those of the file, announced or not."""

from __future__ import annotations

import itertools
import mmap
import os

import numpy as np
import pytest

from lookalike.indexes import memory_advice, row_fetching
from lookalike.indexes.building import build_index
from lookalike.indexes.row_fetching import RowFetcher


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(3_000, 40)).astype(np.float32)


@pytest.fixture
def mapped(rows, tmp_path):
    path = tmp_path / "rows.f32"
    path.write_bytes(b"\0" * 4 * 40 * 3 + rows.tobytes())  # rows that begin within a page
    return np.memmap(path, np.float32, "r", offset=4 * 40 * 3, shape=rows.shape)


@pytest.mark.parametrize("to_announce", [0, 3])
@pytest.mark.parametrize("positions", [[0], [2_999], [-1, 5, 5], [], list(range(0, 3_000, 7))])
def test_rows_are_those_of_the_file(rows, mapped, positions, to_announce):
    for source in (rows, mapped, mapped[:2_000], mapped[1_000:]):
        chosen = np.array(positions, np.int64)
        chosen = chosen[chosen < len(source)]
        fetcher = RowFetcher(source)
        fetcher._to_announce = to_announce
        np.testing.assert_array_equal(fetcher[chosen], np.asarray(source)[chosen])
        assert len(fetcher) == len(source)
        assert type(fetcher[chosen]) is np.ndarray


@pytest.mark.parametrize("dim", [3, 40, 5_000])
def test_all_bytes_of_the_rows_are_announced_and_little_else(tmp_path, monkeypatch, dim):
    path = tmp_path / "rows.f32"
    path.write_bytes(bytes(4 * dim * 200))
    rows = np.memmap(path, np.float32, "r", shape=(200, dim))[50:]
    announced = []
    monkeypatch.setattr(memory_advice, "_madvise", lambda start, length, advice: announced.append((start, length)))
    positions = np.array([-1, 0, 7, 7, 149])
    RowFetcher(rows)[positions]
    assert all(start % mmap.PAGESIZE == 0 for start, _ in announced)
    for row in (0, 7, 149):
        address = rows.ctypes.data + 4 * dim * row
        assert any(start <= address and address + 4 * dim <= start + length for start, length in announced)
    assert len(announced) == 3
    assert sum(length for _, length in announced) < 3 * (4 * dim + mmap.PAGESIZE)


def test_announcing_goes_on_for_a_while_after_rows_had_to_be_read(mapped, monkeypatch):
    announced, read = [], itertools.count()
    monkeypatch.setattr(row_fetching, "announce", lambda *_: announced.append(1))
    monkeypatch.setattr(row_fetching, "pages_read", lambda: 0)
    fetcher = RowFetcher(mapped)
    for _ in range(2_000):
        fetcher[np.array([1])]
    assert 100 < len(announced) < 1_900
    before = len(announced)
    fetcher[np.array([1])]
    assert len(announced) == before
    monkeypatch.setattr(row_fetching, "pages_read", lambda: next(read))
    fetcher[np.array([1])]
    fetcher[np.array([1])]
    assert len(announced) == before + 1


@pytest.mark.machine
@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="needs a way to put files out of memory")
def test_a_row_that_has_to_be_read_is_noticed(tmp_path):
    path = tmp_path / "rows.f32"
    path.write_bytes(np.ones(1 << 20, np.float32).tobytes())
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    fetcher = RowFetcher(np.memmap(path, np.float32, "r", shape=(1_024, 1_024)))
    fetcher._to_announce, before = 0, memory_advice.pages_read()
    fetcher[np.arange(1_024)]
    if memory_advice.pages_read() == before:
        pytest.skip("files stay in memory here")
    assert fetcher._to_announce > 100
    fetcher._to_announce = 0
    fetcher[np.arange(1_024)]
    assert fetcher._to_announce == 0


def test_an_index_over_mapped_rows_finds_what_one_in_memory_does(rows, mapped):
    in_memory, from_disk = build_index("hnsw", rows), build_index("hnsw", mapped)
    for queries in (rows[:1], rows[:300]):
        expected, found = in_memory.search(queries, 10), from_disk.search(queries, 10)
        np.testing.assert_array_equal(found.positions, expected.positions)
        np.testing.assert_array_equal(found.scores, expected.scores)


def test_rows_that_lie_otherwise_in_memory_are_fetched_as_they_are():
    rows = np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32)
    for laid_out in (rows[:, ::2], np.asfortranarray(rows), rows[::-1]):
        np.testing.assert_array_equal(RowFetcher(laid_out)[np.array([3, 49, -1])], laid_out[[3, 49, -1]])
