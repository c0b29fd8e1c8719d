"""Searches what many requests ask for at once, together."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lookalike.api.hits import Hits
    from lookalike.search.options import SearchOptions
    from lookalike.search.query import ResolvedQuery
    from lookalike.server.workers import Workers

_MOST_QUERIES = 64
"""In one search."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for besides the queries."""

    k: int
    options: SearchOptions
    include_self: bool


@dataclass(frozen=True, slots=True)
class _Request:
    resolve: Callable[[], Sequence[ResolvedQuery]]
    done: Future[list[Hits]]


class SearchQueue:
    """Searches in the threads of the workers: each time all requests that wait and want the same.

    Nobody waits for others to come: alone, a request goes through at once, and where there are more requests than free
    threads they gather by themselves. An answer does not depend on the company of its query.

    Parameters
    ----------
    search : returns the hits of each query.
    workers : those of the server.
    """

    def __init__(self, search: Callable[[Sequence[ResolvedQuery], Wanted], list[Hits]], workers: Workers) -> None:
        self._search = search
        self._workers = workers
        self._lock = threading.Lock()
        self._waiting: dict[Wanted, list[_Request]] = {}

    def submit(self, resolve: Callable[[], Sequence[ResolvedQuery]], wanted: Wanted) -> Future[list[Hits]]:
        """Take a request; the result is a list of hits for each of its queries.

        Parameters
        ----------
        resolve : returns its queries, in the thread that searches.
        wanted : equal ones are searched for together, except pages of a ranking, which are of one request.
        """
        request = _Request(resolve, Future())
        if wanted.options.cursor is not None:
            self._workers.begin("search", lambda: self._settle([request], wanted))
            return request.done
        with self._lock:
            self._waiting.setdefault(wanted, []).append(request)
        self._workers.begin("search", lambda: self._settle(self._next(wanted), wanted))
        return request.done

    def _next(self, wanted: Wanted) -> list[_Request]:
        """Return what waits; nothing if another thread has taken it."""
        with self._lock:
            waiting = self._waiting.pop(wanted, [])
            if len(waiting) > _MOST_QUERIES:
                self._waiting[wanted] = waiting[_MOST_QUERIES:]  # for the threads that were begun for these
        return waiting[:_MOST_QUERIES]

    def _settle(self, requests: Sequence[_Request], wanted: Wanted) -> None:
        requests = [request for request in requests if request.done.set_running_or_notify_cancel()]
        if not requests:
            return
        with self._workers.metrics.stage("search"):
            resolved = []
            for request in requests:
                try:
                    resolved.append((request, request.resolve()))
                except Exception as error:  # noqa: BLE001, PERF203  (whatever it is, it is the answer to who asked)
                    request.done.set_exception(error)
            self._answer(resolved, wanted)

    def _answer(self, asked: Sequence[tuple[_Request, Sequence[ResolvedQuery]]], wanted: Wanted) -> None:
        try:
            found = iter(self._search([query for _, queries in asked for query in queries], wanted))
            answers = [[next(found) for _ in queries] for _, queries in asked]
        except Exception as error:  # noqa: BLE001
            if len(asked) == 1:
                asked[0][0].done.set_exception(error)
            else:  # what one query is refused for is no fault of the others
                for one in asked:
                    self._answer([one], wanted)
        else:
            for (request, _), answer in zip(asked, answers, strict=True):
                request.done.set_result(answer)
