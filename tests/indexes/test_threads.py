"""Batches that are divided among the cores."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from lookalike.cores import usable_cores
from lookalike.indexes import approximate
from lookalike.indexes.building import build_index
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.faiss_library import faiss
from lookalike.indexes.threads import on_all_cores
from lookalike.testing.index_contract import mixture


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch):
    monkeypatch.setattr(approximate, "usable_cores", lambda: 2)


@pytest.fixture(scope="module")
def rows():
    return mixture(6_000, 16, seed=1)


@pytest.mark.parametrize("spec", ["hnsw", "ivfpq", "faiss:IVF64,SQ8", "pca:8/faiss:Flat"])
def test_a_batch_finds_what_each_query_alone_does(rows, spec):
    index, queries = build_index(spec, rows), mixture(300, 16, seed=2)
    together = index.search(queries, 10)
    for i in range(0, 300, 7):
        alone = index.search(queries[i], 10)
        np.testing.assert_array_equal(together.positions[i], alone.positions[0])
        np.testing.assert_array_equal(together.scores[i], alone.scores[0])


@pytest.mark.parametrize(
    ("queries", "cores", "sizes"),
    [
        (0, 2, []),
        (1, 2, [1]),
        (127, 2, [127]),
        (257, 1, [129, 128]),
        (128, 2, [64, 64]),
        (500, 2, [250, 250]),
        (700, 2, [175] * 4),
        (500, 16, [250, 250]),
        (1_030, 16, [65] * 15 + [55]),
    ],
)
def test_parts_of_a_batch_are_equal_and_as_many_for_each_core(queries, cores, sizes):
    parts, in_threads = approximate._parts(queries, cores)
    assert [len(range(queries)[part]) for part in parts] == sizes
    assert in_threads == (cores > 1 and queries >= 64 * cores)


def test_a_search_leaves_faiss_as_many_threads_as_there_were(rows):
    before = faiss.omp_get_max_threads()
    try:
        faiss.omp_set_num_threads(2)
        build_index("hnsw:m=8", rows).search(mixture(300, 16, seed=2), 10)
        assert faiss.omp_get_max_threads() == 2
    finally:
        faiss.omp_set_num_threads(before)


def test_what_comes_short_in_every_part_is_completed(rows, monkeypatch):
    index, queries = build_index("hnsw", rows), mixture(400, 16, seed=2)
    propose = index.backend.propose

    def short(*arguments, **named):
        found = propose(*arguments, **named)
        found[:, 3:] = -1
        return found

    monkeypatch.setattr(index.backend, "propose", short)
    np.testing.assert_array_equal(index.search(queries, 10).positions, ExactIndex(rows).search(queries, 10).positions)


def test_threads_keep_to_their_cores_and_to_the_order():
    def about(part):
        time.sleep(0.01 * (5 - part))
        within = [(faiss.omp_get_max_threads(), threading.get_ident()) for _ in on_all_cores(str, range(3))]
        return part, faiss.omp_get_max_threads(), {thread for _, thread in within} == {threading.get_ident()}

    assert list(on_all_cores(about, range(5))) == [(part, 1, True) for part in range(5)]


def test_a_mistake_reaches_who_asked_when_no_part_runs_any_more():
    begun, ended = [], []

    def fail(part):
        begun.append(part)
        time.sleep(0.001 * part)
        if part == 1:
            raise ValueError("no")
        ended.append(part)

    with pytest.raises(ValueError, match="no"):
        list(on_all_cores(fail, range(1_000)))
    at_once = sorted(begun)
    assert len(at_once) <= 4 * usable_cores()
    assert sorted(ended) == [part for part in at_once if part != 1]
    time.sleep(0.05)
    assert sorted(begun) == at_once
    assert list(on_all_cores(str, range(3))) == ["0", "1", "2"]


def test_only_a_few_parts_are_begun_before_the_first_are_done_so_that_other_searches_have_their_turn():
    taken, may_end = [], threading.Event()

    def parts():
        for part in range(100 * usable_cores()):
            taken.append(part)
            yield part

    def wait(_part):
        assert may_end.wait(30)

    thread = threading.Thread(target=lambda: list(on_all_cores(wait, parts())))
    thread.start()
    while len(taken) < 2 * usable_cores():
        time.sleep(0.001)
    time.sleep(0.05)
    assert len(taken) == 2 * usable_cores()
    may_end.set()
    thread.join()
    assert len(taken) == 100 * usable_cores()


_OUTLIVING = """
import threading, time
import numpy as np
from lookalike.indexes import threads
from lookalike.indexes.building import build_index
assert list(threads.on_all_cores(lambda part: threads.faiss.omp_get_max_threads(), range(9))) == [1] * 9
rows = np.random.default_rng(0).standard_normal((2_000, 8)).astype(np.float32)
index = build_index("hnsw:m=8", rows)
def search():
    time.sleep(0.5)
    print(int((index.search(rows[:600], 1).positions[:, 0] == np.arange(600)).sum()))
threading.Thread(target=search).start()
"""


def test_a_thread_that_outlives_the_main_one_can_search():
    env = {**os.environ, "OMP_NUM_THREADS": "2"}
    run = subprocess.run([sys.executable, "-c", _OUTLIVING], env=env, check=True, capture_output=True, text=True)
    assert int(run.stdout) > 580
    assert "Error" not in run.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_of_a_process_that_has_searched_searches_as_well():
    assert list(on_all_cores(str, range(4))) == ["0", "1", "2", "3"]
    child = os.fork()
    if child == 0:
        failed = 1
        try:
            signal.alarm(30)  # where it waits for threads that it has not, it ends by that
            failed = int(list(on_all_cores(str, range(4))) != ["0", "1", "2", "3"])
        finally:
            os._exit(failed)
    assert os.waitpid(child, 0)[1] == 0
