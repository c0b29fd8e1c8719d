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

_MOST_TOGETHER = 64


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for besides the queries."""

    k: int
    options: SearchOptions
    include_self: bool
    queries: int = 1
    left_out: int = 0
    """Items that are left out of the hits of a query at most, for being the query."""

    @property
    def can_gather(self) -> bool:
        """Whether the answer to a query is the same in any company: it depends on how many candidates are looked at."""
        return self.queries == 1 and self.options.cursor is None and self.options.is_plain


@dataclass(frozen=True, slots=True)
class _Request:
    resolve: Callable[[], Sequence[ResolvedQuery]]
    done: Future[list[Hits]]


class SearchQueue:
    """Searches in the threads of the workers: each time all requests that wait and want the same.

    Nobody waits for others to come: alone, a request goes through at once, and where there are more requests than free
    threads they gather by themselves.

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
        wanted : equal ones are searched for together if they can be.
        """
        request = _Request(resolve, Future())
        if not wanted.can_gather:
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
            if len(waiting) > _MOST_TOGETHER:
                self._waiting[wanted] = waiting[_MOST_TOGETHER:]  # for the threads that were begun for these
        return waiting[:_MOST_TOGETHER]

    def _settle(self, requests: Sequence[_Request], wanted: Wanted) -> None:
        requests = [request for request in requests if request.done.set_running_or_notify_cancel()]
        if not requests:
            return
        with self._workers.metrics.stage("search"):
            resolved = []
            for request in requests:
                try:
                    resolved.append((request, request.resolve()))
                except BaseException as error:  # noqa: BLE001, PERF203  (a panic of native code too is the answer)
                    request.done.set_exception(error)
            self._answer(resolved, wanted)

    def _answer(self, asked: Sequence[tuple[_Request, Sequence[ResolvedQuery]]], wanted: Wanted) -> None:
        try:
            found = self._search([query for _, queries in asked for query in queries], wanted)
            answers = [found] if len(asked) == 1 else [[hits] for hits in found]  # who gathers has one query each
        except BaseException as error:  # noqa: BLE001
            if len(asked) == 1:
                asked[0][0].done.set_exception(error)
            else:  # what one query is refused for is no fault of the others
                for one in asked:
                    self._answer([one], wanted)
        else:
            for (request, _), answer in zip(asked, answers, strict=True):
                request.done.set_result(answer)
