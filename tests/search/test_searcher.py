"""Searching a gallery that changes, against a plain dictionary."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lookalike.errors import InputError, ShapeError
from lookalike.gallery.lance_store import LanceStore
from lookalike.metric import Metric
from lookalike.search import searcher as searchers
from lookalike.search.options import SearchOptions
from lookalike.search.searcher import Searcher
from lookalike.search.snapshot import write_snapshot
from lookalike.search.upkeep import write_if_allowed
from tests.search.galleries import DIM, empty_gallery, plain_search, put, record

NAMES = [f"{folder}/{name}.jpg" for folder in ("a", "b", "ü") for name in ("x", "y", "Z", "10", "9", "it's", "")]


class Model:
    """What the gallery should hold: ids to vectors and numbers."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.vectors: dict[str, np.ndarray] = {}
        self.numbers: dict[str, int] = {}

    def vector(self) -> np.ndarray:
        """Draw one of few vectors, so that many items are equal or at equal distances, and some are zero."""
        return np.array([self.random.randint(-2, 2) for _ in range(DIM)], np.float32)

    def change(self, store: LanceStore) -> None:
        """Do one random thing to the gallery, as a build would."""
        names = self.random.sample(NAMES, self.random.randint(1, 5))
        kind = self.random.choice(["add", "upsert", "upsert", "delete", "optimise", "snapshot", "column"])
        if kind == "delete":
            present = [name for name in names if name in self.vectors]
            assert store.delete(names) == len(present)
            for name in present:
                del self.vectors[name], self.numbers[name]
        elif kind == "optimise":
            store.optimise()
        elif kind == "snapshot":
            write_snapshot(store)
        else:
            self._write(store, kind, names)

    def _write(self, store: LanceStore, kind: str, names: list[str]) -> None:
        if kind == "add":
            names = [name for name in names if name not in self.vectors]
        if not names:
            return
        extra = {f"extra{self.random.randint(0, 3)}": 1} if kind == "column" else {}
        drawn = {name: (self.vector(), self.random.randint(0, 3)) for name in names}
        records = [record(name, number=number, **extra) for name, (_, number) in drawn.items()]
        write = store.add if kind == "add" else store.upsert
        write(records, np.array([vector for vector, _ in drawn.values()]))
        self.vectors.update({name: vector for name, (vector, _) in drawn.items()})
        self.numbers.update({name: number for name, (_, number) in drawn.items()})

    def expected(self, query, k, options, number, excluded):
        chosen = {name: v for name, v in self.vectors.items() if number is None or self.numbers[name] > number}
        ranked = plain_search(chosen, query, len(chosen), options.metric, without=excluded)
        return sorted(ranked, key=lambda pair: (pair[1], pair[0]))[:k] if options.reverse else ranked[:k]


@pytest.mark.parametrize("seed", range(6))
def test_is_right_after_every_kind_of_change(tmp_path, seed):
    model = Model(seed)
    store = empty_gallery(tmp_path)
    store.upsert([record("first", number=0)], np.ones((1, DIM), np.float32))
    model.vectors["first"], model.numbers["first"] = np.ones(DIM, np.float32), 0
    reader = Searcher(LanceStore.open(store.location))
    for _ in range(40):
        model.change(store)
        assert len(store) == len(model.vectors)
        metric = model.random.choice(list(Metric))
        k = model.random.choice([1, 3, 100])
        number = model.random.choice([None, None, 0, 2, 9])
        where = None if number is None else f"number > {number}"
        queries = np.array([model.vector() for _ in range(3)])
        options = SearchOptions(metric, where, reverse=model.random.random() < 0.3)
        excluded = [model.random.sample(NAMES, model.random.randint(0, 2)) for _ in range(3)]
        for searcher in (reader, Searcher(store)):
            answers = searcher.search(queries, k, options, exclude=excluded)
            for query, without, hits in zip(queries, excluded, answers, strict=True):
                assert [(hit.id, hit.score) for hit in hits] == [
                    (name, pytest.approx(score, abs=1e-6))
                    for name, score in model.expected(query, k, options, number, without)
                ]
                assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
                assert [hit.attributes["number"] for hit in hits] == [model.numbers[hit.id] for hit in hits]
                assert all(hit.uri == f"{tmp_path}/{hit.id}" for hit in hits)


def test_equal_scores_come_by_id_across_snapshot_and_newer_rows(tmp_path):
    store = empty_gallery(tmp_path)
    same = np.array([1, 2, 3, 4], np.float32)
    put(store, dict.fromkeys(["b", "d", "f"], same))
    write_snapshot(store)
    put(store, dict.fromkeys(["a", "c", "e", "g"], same))
    (hits,) = Searcher(store).search(same[None], 5, SearchOptions())
    assert [hit.id for hit in hits] == ["a", "b", "c", "d", "e"]
    assert {hit.score for hit in hits} == {1.0}


def test_an_excluded_item_makes_room_for_another(tmp_path):
    store = empty_gallery(tmp_path)
    put(store, {name: np.array([1, i, 0, 0], np.float32) for i, name in enumerate("abcde")})
    queries = np.array([[1, 0, 0, 0]] * 3, np.float32)
    answers = Searcher(store).search(queries, 2, SearchOptions(), exclude=[["a"], [], ["e"]])
    assert [[hit.id for hit in hits] for hits in answers] == [["b", "c"], ["a", "b"], ["a", "b"]]


def test_hits_below_a_score_are_left_out(tmp_path):
    store = empty_gallery(tmp_path)
    put(store, {"a": [1, 0, 0, 0], "b": [1, 1, 0, 0], "c": [0, 1, 0, 0]})
    query = np.array([[1, 0, 0, 0]], np.float32)
    (hits,) = Searcher(store).search(query, 9, SearchOptions(min_score=0.7))
    assert [hit.id for hit in hits] == ["a", "b"]
    assert Searcher(store).search(query, 9, SearchOptions(min_score=1.1)) == [[]]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), "high", np.float32("nan")])
def test_a_least_score_that_compares_with_nothing_is_refused(value):
    with pytest.raises(InputError, match="min_score must be a finite number"):
        SearchOptions(min_score=value)


def test_an_empty_gallery_has_no_hits(tmp_path):
    searcher = Searcher(empty_gallery(tmp_path))
    assert searcher.search(np.ones((2, DIM), np.float32), 3, SearchOptions()) == [[], []]
    assert searcher.search(np.ones((1, DIM), np.float32), 3, SearchOptions(where="width > 3")) == [[]]


def test_a_gallery_that_becomes_empty_has_no_hits(tmp_path):
    store = empty_gallery(tmp_path)
    put(store, {"a": [1, 0, 0, 0]})
    searcher = Searcher(store)
    assert len(searcher.search(np.ones((1, DIM), np.float32), 3, SearchOptions())[0]) == 1
    store.delete(["a"])
    assert searcher.search(np.ones((1, DIM), np.float32), 3, SearchOptions()) == [[]]


def test_as_many_as_there_are_however_many_are_asked_for(tmp_path):
    store = empty_gallery(tmp_path)
    put(store, {"a": [1, 0, 0, 0], "b": [1, 1, 0, 0]})
    (hits,) = Searcher(store).search(np.ones((1, DIM), np.float32), 10**12, SearchOptions())
    assert [hit.id for hit in hits] == ["b", "a"]


@pytest.mark.parametrize("k", [0, -1, 2.5, "3"])
def test_refuses_another_number_of_hits(tmp_path, k):
    store = empty_gallery(tmp_path)
    put(store, {"a": [1, 0, 0, 0]})
    with pytest.raises(InputError, match="whole number of at least 1"):
        Searcher(store).search(np.ones((1, DIM), np.float32), k, SearchOptions(), exclude=[["a"]])


def test_refuses_vectors_of_another_space(tmp_path):
    store = empty_gallery(tmp_path)
    put(store, {"a": [1, 0, 0, 0]})
    with pytest.raises(ShapeError):
        Searcher(store).search(np.ones((1, DIM + 1), np.float32), 1, SearchOptions())


@pytest.mark.parametrize(
    "where",
    [
        *("number >", "nosuch = 1", "number", "number > 'a'", "folder = 3", "count(*) > 1"),
        *("'", "number in (", "1=1; drop table x", "\x00", "(" * 300, "cast(folder as int) = 1"),
    ],
)
def test_a_condition_that_means_nothing_is_one_sentence(tmp_path, where):
    store = empty_gallery(tmp_path)
    put(store, {"a": [1, 0, 0, 0]}, number=1, folder="x")
    searcher = Searcher(store)
    with pytest.raises(InputError) as raised:
        searcher.search(np.ones((1, DIM), np.float32), 1, SearchOptions(where=where))
    message = str(raised.value)
    assert "cannot be used" in message
    assert "folder" in message.split("the attributes are")[1]
    assert "\n" not in message.replace(where, "")
    assert "rust" not in message
    # and the searcher is as good as before
    assert len(searcher.search(np.ones((1, DIM), np.float32), 1, SearchOptions(where="number = 1"))[0]) == 1


def test_searches_from_many_threads_while_another_writes(tmp_path):
    store = empty_gallery(tmp_path)
    names = [f"{i:02}" for i in range(20)]
    put(store, {name: [1, i, 0, 0] for i, name in enumerate(names)}, number=0)
    searcher = Searcher(LanceStore.open(store.location))
    is_written = threading.Event()

    def look(metric: Metric) -> list[int]:
        seen = []
        while not is_written.is_set():
            (hits,) = searcher.search(np.array([[1, 0, 0, 0]], np.float32), 3, SearchOptions(metric))
            assert len(hits) == 3
            (number,) = {hit.attributes["number"] for hit in hits}  # all of one commit
            seen.append(number)
        return seen

    with ThreadPoolExecutor(4) as pool:
        looking = [pool.submit(look, metric) for metric in (*Metric, Metric.COSINE)]
        for number in range(1, 15):
            put(store, {name: [1, i, 0, 0] for i, name in enumerate(names)}, number=number)
        is_written.set()
    for future in looking:
        seen = future.result()
        assert seen == sorted(seen)


def many(first, count):
    return {f"{i:05}": [1, i, 0, 0] for i in range(first, first + count)}


def test_who_has_an_older_snapshot_does_not_wait_for_the_next(tmp_path, monkeypatch):
    store = empty_gallery(tmp_path)
    put(store, many(0, 100))
    write_snapshot(store)
    may_write, writes = threading.Event(), []

    def write_slowly(written):
        writes.append(written.version)
        assert may_write.wait(60)
        write_if_allowed(written)

    monkeypatch.setattr(searchers, "write_if_allowed", write_slowly)
    searcher = Searcher(LanceStore.open(store.location))
    query = np.array([[0, 1, 0, 0]], np.float32)

    def look(last: int) -> bool:
        (hits,) = searcher.search(query, 2, SearchOptions(Metric.INNER_PRODUCT))
        return [hit.id for hit in hits] == [f"{last:05}", f"{last - 1:05}"]

    with ThreadPoolExecutor(4) as pool:
        for count in (2_500, 3_000, 3_500):
            put(store, many(100, count))
            assert all(pool.map(look, [99 + count] * 12))
    assert len(writes) == 1  # and no two write at once
    assert not list(store.location.indexes.glob(f"*{writes[0]}"))
    may_write.set()
    searcher._renewal.join()
    put(store, many(0, 1))
    assert look(99 + 3_500)
    assert searcher._snapshot.version == writes[0]


def test_a_snapshot_that_is_far_behind_is_written_before_rows_fill_the_memory(tmp_path):
    store = empty_gallery(tmp_path)
    put(store, many(0, 100))
    write_snapshot(store)
    put(store, many(100, 20_001))
    searcher = Searcher(store)
    searcher.search(np.ones((1, DIM), np.float32), 1, SearchOptions())
    assert searcher._snapshot.version == store.version
    assert searcher._renewal is None
