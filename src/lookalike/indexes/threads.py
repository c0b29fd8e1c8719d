"""Threads that divide a search among the cores."""

from __future__ import annotations

import os
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from lookalike.cores import usable_cores
from lookalike.indexes.faiss_library import faiss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
P = TypeVar("P")

_BEGUN_FOR_A_CORE = 2
"""Parts: the one that is computed and the next, so that other searches have their turn after these."""
_here = threading.local()


@cache
def _pool() -> ThreadPoolExecutor:
    # kept, as the memory of new threads is new too, and a search would wait for its pages
    return ThreadPoolExecutor(usable_cores(), "lookalike-cores", _keep_to_one_core)


def _keep_to_one_core() -> None:
    faiss.omp_set_num_threads(1)
    _here.is_one_of_them = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of the threads


def on_all_cores(function: Callable[[P], T], parts: Iterable[P]) -> Iterator[T]:
    """Yield what a function returns for each part, in order, each computed in a thread in which FAISS uses no others.

    Within such a thread all is done there, as no other might be free; so it is when the interpreter ends.

    Parameters
    ----------
    function : may be called by several threads at once.
    parts : are taken a few at a time.

    Raises
    ------
    Exception : what the function raises, for the first part that fails. No part is computed any more after that, nor
        when the iterator is closed.
    """
    if hasattr(_here, "is_one_of_them"):
        yield from map(function, parts)
        return
    remaining = iter(parts)
    begun: deque[Future[T]] = deque()
    try:
        begun.extend(_begin(function, part) for part in islice(remaining, _BEGUN_FOR_A_CORE * usable_cores()))
        while begun:
            result = begun[0].result()
            begun.popleft()
            begun.extend(_begin(function, part) for part in islice(remaining, 1))
            yield result
    finally:
        for future in begun:
            future.cancel()
        wait(begun)


def _begin(function: Callable[[P], T], part: P) -> Future[T]:
    try:
        return _pool().submit(function, part)
    except RuntimeError as error:  # no thread begins anything when the interpreter ends
        if "cannot schedule" not in str(error):
            raise
        done: Future[T] = Future()
        done.set_result(function(part))
        return done
