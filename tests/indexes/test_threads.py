"""Batches that are divided among the cores."""

from __future__ import annotations

import os
import signal
import threading
import time

import faiss
import numpy as np
import pytest

from lookalike.indexes import approximate
from lookalike.indexes.building import build_index
from lookalike.indexes.exact import ExactIndex
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


def test_a_mistake_reaches_who_asked_and_the_next_search_works(rows):
    def fail(_part):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(on_all_cores(fail, range(10)))
    assert list(on_all_cores(str, range(3))) == ["0", "1", "2"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_of_a_process_that_has_searched_searches_as_well():
    assert list(on_all_cores(str, range(4))) == ["0", "1", "2", "3"]
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # where it waits for threads that it has not, it ends by that
        os._exit(0 if list(on_all_cores(str, range(4))) == ["0", "1", "2", "3"] else 1)
    assert os.waitpid(child, 0)[1] == 0
