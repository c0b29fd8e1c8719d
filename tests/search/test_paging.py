"""Pages of one ranking, while the gallery changes."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.search.answering import Asked
from lookalike.search.options import AUTO, SearchOptions
from lookalike.search.searcher import Searcher
from lookalike.search.upkeep import renew
from tests.search.galleries import DIM, empty_gallery, put

QUERY = np.array([[1, 0, 0, 0]], np.float32)


def rows_of(count, seed=0):
    rng = np.random.default_rng(seed)
    return {f"{seed}-{i:03}": row for i, row in enumerate(rng.normal(size=(count, DIM)).astype(np.float32))}


def page(searcher, cursor, k=7, identity="query", **options):
    (answer,) = searcher.answer(Asked(QUERY, identities=[identity]), k, SearchOptions(cursor=cursor, **options))
    return answer


@pytest.fixture
def store(tmp_path):
    made = empty_gallery(tmp_path)
    put(made, rows_of(40), number=1)
    renew(made)
    return made


def test_pages_put_together_are_the_whole_ranking(store):
    searcher = Searcher(store)
    (whole,) = searcher.search(QUERY, 100, SearchOptions(exclude=("0-003",), where="number = 1"))
    cursor, pages = "start", []
    while cursor is not None:
        answer = page(searcher, cursor, exclude=("0-003",), where="number = 1")
        pages.append([*answer.hits])
        cursor = answer.cursor
    assert [len(hits) for hits in pages] == [7, 7, 7, 7, 7, 4]
    assert [hit for hits in pages for hit in hits] == whole


def test_the_ranking_goes_on_as_it_was_after_the_gallery_changed(store):
    (whole,) = Searcher(store).search(QUERY, 100, SearchOptions())
    first = page(Searcher(store), "start")
    put(store, {"new": QUERY[0]}, number=2)
    store.delete([whole[8].id])
    for searcher in (Searcher(store), Searcher(store)):
        assert searcher.search(QUERY, 1, SearchOptions())[0][0].id == "new"
        second = page(searcher, first.cursor)
        assert [hit.id for hit in second.hits] == [hit.id for hit in whole[7:14]]
        assert page(searcher, second.cursor).hits[0] == whole[14]
        assert page(searcher, "start").hits[0].id == "new"


def test_a_version_that_is_gone_is_said(store):
    first = page(Searcher(store), "start")
    put(store, rows_of(3, seed=1))
    for path in sorted((store.location.rows / "_versions").glob("*.manifest"))[1:]:  # named so that the newest is first
        path.unlink()
    with pytest.raises(InputError, match="not kept any more; begin again with the cursor 'start'"):
        page(Searcher(store), first.cursor)


def test_a_version_that_would_have_to_be_read_into_memory_is_gone(store):
    first = page(Searcher(store), "start")
    put(store, rows_of(3, seed=1))
    shutil.rmtree(store.location.indexes)
    with pytest.raises(InputError, match="not kept any more"):
        page(Searcher(store), first.cursor)


@pytest.mark.parametrize("changed", [{"identity": "other"}, {"where": "number = 1"}, {"collapse": True}])
def test_a_cursor_is_for_its_query_and_options(store, changed):
    searcher = Searcher(store)
    first = page(searcher, "start")
    with pytest.raises(InputError, match="of another query, or of other options"):
        page(searcher, first.cursor, **changed)


@pytest.mark.parametrize("cursor", ["", "x", "abc", "ä", "W10", "bnVsbA", "start "])
def test_what_is_no_cursor_is_one_sentence(store, cursor):
    with pytest.raises(InputError, match="is no cursor; begin with 'start'"):
        page(Searcher(store), cursor)


def test_the_cut_off_and_the_order_are_those_of_the_whole_ranking(tmp_path):
    store = empty_gallery(tmp_path)
    around: list[np.ndarray] = []
    for row in QUERY[0] + np.random.default_rng(0).normal(scale=0.8, size=(5_000, DIM)):
        unit = row / np.linalg.norm(row)
        if unit[0] > 0.4 and all(unit @ other < 0.93 for other in around):  # relatives, and no near-duplicates
            around.append(unit)
    around.sort(key=lambda unit: -unit[0])
    put(store, {f"near-{i:02}": unit for i, unit in enumerate(around)})
    for number in (0, 1, 2):
        put(store, {f"near-{number:02}": around[number]}, number=number)
    searcher = Searcher(store)
    (whole,) = searcher.search(QUERY, 1000, SearchOptions(min_score=AUTO, sort="-number"))
    cursor, seen = "start", []
    while cursor is not None:
        answer = page(searcher, cursor, k=2, min_score=AUTO, sort="-number")
        seen += answer.hits
        cursor = answer.cursor
    assert 3 < len(whole) < len(around)
    assert [hit.id for hit in seen] == [hit.id for hit in whole]
    assert [hit.attributes["number"] for hit in seen[:3]] == [2, 1, 0]
