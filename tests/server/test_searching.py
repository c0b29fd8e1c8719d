"""Searches gather while all threads are busy, nobody waits for company, and a failure is that of its own request."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.search.options import SearchOptions
from lookalike.search.query import ResolvedQuery
from lookalike.server.options import ServerOptions
from lookalike.server.searching import SearchQueue, Wanted
from lookalike.server.workers import Workers
from tests.server.service import serving, toy_gallery

PLAIN = Wanted(3, SearchOptions(), include_self=False)


class Slow:
    """Answers a query with its number, once it is let; refuses negative ones."""

    def __init__(self):
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.batches = []

    def __call__(self, queries, wanted):
        numbers = [int(query.vector[0, 0]) for query in queries]
        self.begun.release()
        self.may_end.wait(20)
        self.batches.append((wanted.k, len(numbers)))
        if min(numbers) < 0:
            msg = f"negative: {min(numbers)}"
            raise InputError(msg)
        return [[number * wanted.k] for number in numbers]


@pytest.fixture
def slow():
    return Slow()


@pytest.fixture
def searches(slow):
    workers = Workers(ServerOptions())
    yield SearchQueue(slow, workers)
    slow.may_end.set()
    workers.close()


def asked(*numbers):
    return lambda: [ResolvedQuery(str(number), np.full((1, 2), number, np.float32)) for number in numbers]


def occupy(searches, slow):
    """Keep all threads busy, each with a search of another kind."""
    threads = searches._workers._pools["search"]._max_workers
    for number in range(threads):
        searches.submit(asked(1), Wanted(1_000 + number, SearchOptions(), include_self=False))
        assert slow.begun.acquire(timeout=20)


def test_one_alone_goes_through_at_once(searches, slow):
    slow.may_end.set()
    assert searches.submit(asked(7), PLAIN).result(20) == [[21]]
    assert slow.batches == [(3, 1)]


def test_what_waits_and_wants_the_same_is_one_search(searches, slow):
    occupy(searches, slow)
    waiting = [searches.submit(asked(number), PLAIN) for number in range(5)]
    others = searches.submit(asked(4), Wanted(2, SearchOptions(), include_self=False))
    slow.may_end.set()
    assert [future.result(20) for future in waiting] == [[[3 * number]] for number in range(5)]
    assert others.result(20) == [[8]]
    assert (3, 5) in slow.batches
    assert (2, 1) in slow.batches


def test_a_failure_is_that_of_its_own_request(searches, slow):
    occupy(searches, slow)
    good, bad = searches.submit(asked(1), PLAIN), searches.submit(asked(-5), PLAIN)

    def unknown():
        msg = "there is no such item"
        raise InputError(msg)

    lost, also_good = searches.submit(unknown, PLAIN), searches.submit(asked(3), PLAIN)
    slow.may_end.set()
    assert good.result(20) == [[3]]
    assert also_good.result(20) == [[9]]
    for future, message in ((bad, "negative: -5"), (lost, "no such item")):
        with pytest.raises(InputError, match=message):
            future.result(20)


def test_more_than_fit_into_one_search_are_all_answered(searches, slow):
    occupy(searches, slow)
    waiting = [searches.submit(asked(number), PLAIN) for number in range(200)]
    slow.may_end.set()
    assert [future.result(20) for future in waiting] == [[[3 * number]] for number in range(200)]
    assert max(size for k, size in slow.batches if k == 3) == 64


def test_who_has_left_is_not_searched_for(searches, slow):
    occupy(searches, slow)
    left, stayed = searches.submit(asked(1), PLAIN), searches.submit(asked(2), PLAIN)
    assert left.cancel()
    slow.may_end.set()
    assert stayed.result(20) == [[6]]
    assert (3, 1) in slow.batches


def test_pages_are_of_one_request_each(searches, slow):
    occupy(searches, slow)
    pages = Wanted(5, SearchOptions(cursor="start"), include_self=False)
    waiting = [searches.submit(asked(number), pages) for number in range(3)]
    slow.may_end.set()
    assert [future.result(20) for future in waiting] == [[[0]], [[5]], [[10]]]
    assert slow.batches.count((5, 1)) == 3


def test_many_at_once_get_what_one_alone_gets(tmp_path):
    gallery = toy_gallery(tmp_path, 40)
    bodies = [
        {"query": {"id": f"photos/{number:04}.png"}, "k": 3 + number % 2, "min_score": 0.1 * (number % 3)}
        for number in range(40)
    ]
    bodies += [{"query": {"id": "nobody"}}, {"query": {"id": "photos/0001.png"}, "where": "no_such = 1"}]
    with serving(toys=gallery) as client, ThreadPoolExecutor(16) as pool:
        alone = [client.post("/search", body) for body in bodies]
        together = list(pool.map(lambda body: client.post("/search", body), bodies * 4))
    for number, answer in enumerate(together):
        expected = alone[number % len(bodies)]
        assert answer.status == expected.status
        assert answer.json.get("hits") == expected.json.get("hits")
        assert answer.json.get("error") == expected.json.get("error")


def test_a_panic_of_native_code_is_an_answer_too(searches, slow):
    class PanicError(BaseException):
        """As those of extensions that are written in Rust."""

    def panic():
        raise PanicError

    slow.may_end.set()
    with pytest.raises(PanicError):
        searches.submit(panic, PLAIN).result(20)


def test_a_search_that_depends_on_its_company_has_none(searches, slow):
    occupy(searches, slow)
    picky = [Wanted(4, SearchOptions(diversity=0.5), include_self=False), Wanted(6, SearchOptions(), False, queries=2)]
    waiting = [searches.submit(asked(number, 1), wanted) for wanted in picky for number in range(3)]
    slow.may_end.set()
    for future in waiting:
        future.result(20)
    assert slow.batches.count((4, 2)) == slow.batches.count((6, 2)) == 3
