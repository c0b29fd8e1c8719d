"""Rows that are fetched from a mapped file are those of the file, announced or not."""

from __future__ import annotations

import numpy as np
import pytest

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


@pytest.mark.parametrize("is_slow", [False, True])
@pytest.mark.parametrize("positions", [[0], [2_999], [-1, 5, 5], [], list(range(0, 3_000, 7))])
def test_rows_are_those_of_the_file(rows, mapped, positions, is_slow):
    for source in (rows, mapped, mapped[:2_000], mapped[1_000:]):
        chosen = np.array(positions, np.int64)
        chosen = chosen[chosen < len(source)]
        fetcher = RowFetcher(source)
        fetcher._is_slow = is_slow
        np.testing.assert_array_equal(fetcher[chosen], np.asarray(source)[chosen])
        assert len(fetcher) == len(source)
        assert type(fetcher[chosen]) is np.ndarray


def test_announcing_goes_on_only_while_it_is_slow(mapped):
    fetcher = RowFetcher(mapped)
    assert fetcher._is_slow
    for _ in range(50):  # a busy machine may be slow for a while
        fetcher[np.arange(0, 3_000, 3)]
        if not fetcher._is_slow:
            break
    assert not fetcher._is_slow


def test_an_index_over_mapped_rows_finds_what_one_in_memory_does(rows, mapped):
    in_memory, from_disk = build_index("hnsw", rows), build_index("hnsw", mapped)
    for queries in (rows[:1], rows[:300]):
        expected, found = in_memory.search(queries, 10), from_disk.search(queries, 10)
        np.testing.assert_array_equal(found.positions, expected.positions)
        np.testing.assert_array_equal(found.scores, expected.scores)
