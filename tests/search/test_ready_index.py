"""A gallery that is searched by an approximate index, as it changes."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest

from lookalike.metric import Metric
from lookalike.search.answering import Asked
from lookalike.search.index_plan import IndexPlan
from lookalike.search.options import SearchOptions
from lookalike.search.searcher import Searcher
from lookalike.search.snapshot import newest_snapshot
from lookalike.search.upkeep import renew
from tests.search.galleries import empty_gallery, plain_search, record

DIM = 16
ROWS = 3_000
SPECS = ["ivfpq", "hnsw", "lsh:bits=6,tables=12", "faiss:IVF32,Flat", "pca:12/sq8", "lance:partitions=8"]


def vectors_of(count, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(40, DIM))
    rows = centres[rng.integers(0, 40, count)] + 0.4 * rng.normal(size=(count, DIM))
    return {f"{seed}-{i:05}": row.astype(np.float32) for i, row in enumerate(rows)}


def plan(store, spec):
    store.describe(replace(store.manifest, index=IndexPlan(spec).to_dict()))
    renew(store)


def add(store, rows, **attributes):
    store.add([record(name, **attributes) for name in rows], np.array([*rows.values()], np.float32))


@pytest.fixture(scope="module", params=SPECS)
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    store = empty_gallery(folder, DIM)
    rows = vectors_of(ROWS)
    add(store, rows, even=True)
    plan(store, request.param)
    return store.location, rows, request.param


@pytest.fixture
def gallery(made, tmp_path):
    """A copy of the gallery, its rows by id, and the spec of its index."""
    location, rows, spec = made
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.gallery.location import Location

    shutil.copytree(location.folder, tmp_path / ".lookalike")
    return LanceStore.open(Location(tmp_path / ".lookalike")), dict(rows), spec


def recall(searcher, rows, k=10, options=None, allowed=None):
    names = list(allowed or rows)[:: max(1, len(allowed or rows) // 40)]
    queries = np.array([rows[name] for name in names])
    answers = searcher.search(queries, k, options or SearchOptions())
    hits = expected = 0
    for query, answer in zip(queries, answers, strict=True):
        pool = rows if allowed is None else {name: rows[name] for name in allowed}
        truth = plain_search(pool, query, k, (options or SearchOptions()).metric)
        scores = dict(truth)
        assert len(answer) == min(k, len(pool))
        assert [hit.score for hit in answer] == sorted((hit.score for hit in answer), reverse=True)
        for hit in answer:
            assert hit.id in pool
            if hit.id in scores:
                assert hit.score == pytest.approx(scores[hit.id], rel=1e-5, abs=1e-6)
        hits += sum(hit.id in scores for hit in answer)
        expected += len(truth)
    return hits / expected


def test_hits_are_nearly_the_nearest_and_the_recall_is_told(gallery):
    store, rows, spec = gallery
    searcher = Searcher(store)
    found = recall(searcher, rows)
    method = searcher.method()
    assert method.index == spec
    assert not method.is_exact
    assert found > 0.85
    assert method.recall == pytest.approx(found, abs=0.1)


def test_new_replaced_and_removed_rows_are_right_at_once(gallery):
    store, rows, spec = gallery
    searcher = Searcher(store)
    searcher.search(np.ones((1, DIM), np.float32), 5, SearchOptions())
    new = vectors_of(30, seed=1)
    add(store, new)
    moved = {name: -rows[name] for name in list(rows)[:30]}
    store.upsert([record(name) for name in moved], np.array([*moved.values()]))
    gone = list(rows)[100:160]
    store.delete(gone)
    for name, vector in {**new, **moved}.items():
        hit = searcher.search(vector[None], 1, SearchOptions())[0][0]
        assert (hit.id, hit.score) == (name, pytest.approx(1.0, abs=1e-5))
    now = {**{name: row for name, row in rows.items() if name not in gone}, **new, **moved}
    for name in gone:
        assert name not in [hit.id for hit in searcher.search(rows[name][None], 20, SearchOptions())[0]]
    assert recall(searcher, now) > 0.85
    assert searcher.method().index == spec


@pytest.mark.parametrize("share", [1, 30, 0.5])
def test_a_filter_is_kept_to(gallery, share):
    store, rows, _ = gallery
    names = list(rows)[: share if share >= 1 else int(share * len(rows))]
    store.delete(names)
    kept = {name: rows[name] for name in names}
    add(store, kept, group="wanted")
    renew(store)
    found = recall(Searcher(store), rows, options=SearchOptions(where="\"group\" = 'wanted'"), allowed=names)
    assert found > (0.85 if share == 0.5 else 0.999)


def test_another_metric_is_searched_exactly(gallery):
    store, rows, _ = gallery
    searcher = Searcher(store)
    assert recall(searcher, rows, options=SearchOptions(metric=Metric.L2)) == 1.0
    assert searcher.method(Metric.L2).is_exact


def test_a_damaged_index_is_not_used_and_is_built_again(gallery):
    store, rows, spec = gallery
    folder = newest_snapshot(store).path / "index" / "files"
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    searcher = Searcher(store)
    assert recall(searcher, rows) == 1.0
    assert searcher.method().is_exact
    renew(store)
    assert Searcher(store).method().index == spec


def test_an_index_is_built_anew_when_much_has_changed_and_serves_until_then(gallery):
    store, rows, spec = gallery
    before = newest_snapshot(store).path
    many = vectors_of(2_500, seed=2)
    add(store, many)
    assert Searcher(store).method().index == spec
    assert before.exists()
    renew(store)
    after = newest_snapshot(store)
    assert (len(after.row_ids), before.exists()) == (ROWS + 2_500, False)
    searcher = Searcher(store)
    assert searcher.method().index == spec
    assert recall(searcher, {**rows, **many}) > 0.85


def test_the_plan_for_exact_search_puts_the_index_aside(gallery):
    store, rows, _ = gallery
    plan(store, "exact")
    searcher = Searcher(store)
    assert searcher.method().is_exact
    assert recall(searcher, rows) == 1.0


def test_small_galleries_are_searched_exactly_by_themselves(tmp_path):
    store = empty_gallery(tmp_path, DIM)
    add(store, vectors_of(100))
    renew(store)
    assert Searcher(store).method().is_exact


def test_the_index_in_the_table_leaves_it_with_the_plan(gallery):
    store, _, spec = gallery
    plan(store, "hnsw")
    store.refresh()
    assert store.table.describe_indices() == []
    if spec.startswith("lance"):
        plan(store, spec)
        store.refresh()
        assert len(store.table.describe_indices()) == 1


@pytest.mark.parametrize("rows", [2_500, 25_000])
def test_searches_write_nothing_twice_while_an_index_is_behind(tmp_path, rows):
    store = empty_gallery(tmp_path, DIM)
    first = vectors_of(ROWS)
    add(store, first)
    plan(store, "faiss:IVF32,Flat")
    more = vectors_of(rows, seed=3)
    add(store, more)

    def answer():
        searcher = Searcher(store)
        assert recall(searcher, {**first, **more}) > 0.85
        files = [path for path in store.location.indexes.rglob("*") if path.is_file()]
        return {path: path.stat().st_mtime_ns for path in files}

    answer()
    before = answer()
    assert answer() == before
    renew(store)
    assert Searcher(store).method().index == "faiss:IVF32,Flat"
    assert len(list(store.location.indexes.iterdir())) == 1


@pytest.mark.parametrize("spec", ["lance", "ivfpq:subquantizers=7", "faiss:IVF4096,Flat"])
def test_an_index_that_cannot_be_built_is_told_of_and_stops_nothing(tmp_path, spec):
    store = empty_gallery(tmp_path, DIM)
    rows = vectors_of(100)
    add(store, rows)
    store.describe(replace(store.manifest, index=IndexPlan(spec).to_dict()))
    said = []
    renew(store, said.append)
    assert "the gallery is searched exactly" in said[-1]
    searcher = Searcher(store)
    assert recall(searcher, rows) == 1.0
    assert searcher.method().is_exact


def test_the_least_alike_are_found_exactly_beside_any_index(gallery):
    store, rows, _ = gallery
    newer = vectors_of(40, seed=7)
    add(store, newer, even=False)
    rows |= newer
    searcher = Searcher(store)
    query = next(iter(rows.values()))
    for where, chosen in ((None, rows), ("even = false", newer)):
        (answer,) = searcher.answer(Asked(query[None]), 5, SearchOptions(where=where, reverse=True))
        hits, method = answer.hits, answer.method
        truth = plain_search(chosen, query, len(chosen))[::-1][:5]
        assert [hit.id for hit in hits] == [name for name, _ in truth]
        assert [hit.score for hit in hits] == pytest.approx([score for _, score in truth], abs=1e-6)
        assert method.is_exact


def finish_reading():
    for thread in threading.enumerate():
        if thread.name == "lookalike-read-ahead":
            thread.join()


def test_the_files_of_the_index_are_read_ahead(gallery, monkeypatch):
    store, rows, _ = gallery
    asked = []
    monkeypatch.setattr("lookalike.search.searcher.read_ahead", asked.append)
    searcher = Searcher(store)
    searcher.read_ahead()
    finish_reading()
    assert [folder.parent for folder in asked] == [newest_snapshot(store).path]
    assert all(any(folder.rglob("*")) for folder in asked)
    assert recall(searcher, rows) > 0.5


def test_there_is_nothing_to_read_ahead_of_an_exact_search(tmp_path, monkeypatch):
    store = empty_gallery(tmp_path, DIM)
    add(store, vectors_of(50))
    asked = []
    monkeypatch.setattr("lookalike.search.searcher.read_ahead", asked.append)
    Searcher(store).read_ahead()
    finish_reading()
    assert asked == []
