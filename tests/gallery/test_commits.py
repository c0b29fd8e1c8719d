"""A file that was cut off while it was written is never part of the gallery."""

from __future__ import annotations

from contextlib import contextmanager

import lance
import numpy as np
import pytest

from lookalike.gallery.commits import append, compact, merge
from lookalike.gallery.record import to_table
from tests.search.galleries import DIM, empty_gallery, put, record

resource = pytest.importorskip("resource")


@contextmanager
def file_limit(size):
    """Let no file grow beyond a size in bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def store(tmp_path):
    store = empty_gallery(tmp_path)
    for i in range(4):
        put(store, {f"{i}{j:02}": [i, j, 0, 0] for j in range(50)})
    return store


def opened(store):
    return lance.dataset(str(store.location.rows))


def rows(store, names):
    return to_table([record(name) for name in names], np.ones((len(names), DIM), np.float32), opened(store).schema)


def newest_file(store):
    return max((store.location.rows / "data").iterdir(), key=lambda path: path.stat().st_mtime_ns)


WRITES = {
    "append": lambda store: append(opened(store), rows(store, [f"new{i}" for i in range(50)])),
    "merge": lambda store: merge(opened(store), rows(store, [f"0{i:02}" for i in range(50)])),
    "compact": lambda store: compact(opened(store)),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("missing", [1, 100, 400])
def test_a_write_that_was_cut_off_changes_nothing(store, tmp_path, name, missing):
    before = opened(store).to_table().sort_by("id")
    version = opened(store).version
    twin = empty_gallery(tmp_path / "twin")
    for i in range(4):
        put(twin, {f"{i}{j:02}": [i, j, 0, 0] for j in range(50)})
    WRITES[name](twin)
    with file_limit(newest_file(twin).stat().st_size - missing), pytest.raises((OSError, RuntimeError, ValueError)):
        WRITES[name](store)
    assert opened(store).version == version
    assert opened(store).to_table().sort_by("id") == before
    WRITES[name](store)
    assert opened(store).to_table().sort_by("id") == opened(twin).to_table().sort_by("id")
