"""A gallery that is brought in order at once, while others search it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from lookalike.building.optimizing import optimize
from lookalike.gallery.lance_store import LanceStore
from lookalike.search.index_plan import IndexPlan
from lookalike.search.options import SearchOptions
from lookalike.search.searcher import Searcher
from lookalike.search.snapshot import newest_snapshot
from lookalike.search.upkeep import renew
from tests.search.galleries import empty_gallery, plain_search, record

DIM = 16
QUERY = np.linspace(-1, 1, DIM, dtype=np.float32)


def rows_of(count, seed=0):
    rows = np.random.default_rng(seed).normal(size=(count, DIM)).astype(np.float32)
    return {f"{seed}-{i:05}": row for i, row in enumerate(rows)}


def add(store, rows):
    store.add([record(name) for name in rows], np.array([*rows.values()]))


def gallery(folder, spec, rows):
    store = empty_gallery(folder, DIM)
    add(store, rows)
    store.describe(replace(store.manifest, index=IndexPlan(spec).to_dict()))
    renew(store)
    return store


@pytest.mark.parametrize("spec", ["hnsw", "lance:partitions=4", "exact"])
def test_a_few_changed_rows_are_taken_into_the_index_and_a_searcher_at_work_sees_it(tmp_path, spec):
    rows = rows_of(2_000)
    store = gallery(tmp_path, spec, rows)
    searcher = Searcher(LanceStore.open(store.location))
    more = rows_of(5, seed=1)
    add(store, more)
    store.delete([next(iter(rows))])
    now = {**dict([*rows.items()][1:]), **more}
    renew(store)
    assert len(newest_snapshot(store).row_ids) == 2_000  # so few that the automatic rule leaves it
    searcher.search(QUERY[None], 3, SearchOptions())
    done = optimize(store)
    assert (done.index, done.rows) == (spec, 2_004)
    assert 0.5 < done.recall <= 1
    assert done.bytes > 0
    assert len(newest_snapshot(store).row_ids) == 2_004
    for name, row in more.items():
        assert searcher.search(row[None], 1, SearchOptions())[0][0].id == name
    assert (searcher.method().index, round(searcher.method().recall, 4)) == (spec, done.recall)
    found = [hit.id for hit in searcher.search(QUERY[None], 10, SearchOptions())[0]]
    assert len({*found} & {name for name, _ in plain_search(now, QUERY, 10)}) >= 5


@pytest.mark.parametrize("spec", ["hnsw", "lance:partitions=4"])
def test_where_nothing_has_changed_nothing_is_written(tmp_path, spec):
    store = gallery(tmp_path, spec, rows_of(500))
    first = optimize(store)
    files = {path: path.stat().st_mtime_ns for path in store.location.indexes.rglob("*") if path.is_file()}
    said = []
    again = optimize(store, said.append)
    assert not any("building" in line for line in said)
    assert {path: path.stat().st_mtime_ns for path in store.location.indexes.rglob("*") if path.is_file()} == files
    assert (again.index, again.rows, again.recall, again.bytes) == (first.index, first.rows, first.recall, first.bytes)


def test_the_files_of_many_small_commits_become_one(tmp_path):
    store = empty_gallery(tmp_path, DIM)
    for seed in range(5):
        add(store, rows_of(10, seed=seed))
    assert len(store.table.get_fragments()) == 5
    optimize(store)
    assert len(store.table.get_fragments()) == 1
    assert len(store) == 50


def test_an_empty_gallery_has_nothing_to_renew(tmp_path):
    done = optimize(empty_gallery(tmp_path, DIM))
    assert (done.index, done.rows, done.bytes) == ("exact", 0, 0)


def test_another_writer_is_waited_for(tmp_path):
    store = gallery(tmp_path, "exact", rows_of(50))
    script = (
        "import sys, time; from pathlib import Path; from lookalike.gallery.location import Location\n"
        "from lookalike.gallery.lock import writer_lock\n"
        "with writer_lock(Location(Path(sys.argv[1]))): print('held', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, store.location.folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout.readline().strip() == b"held"
    said = []

    def report(text):
        said.append(text)
        if "waiting" in text:
            child.stdin.close()

    assert optimize(store, report).rows == 50
    child.stdout.close()
    assert child.wait() == 0
    assert "is being written by process" in said[0]
