"""Threads that divide a search among the cores."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

from lookalike.cores import usable_cores
from lookalike.indexes.faiss_library import faiss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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


def on_all_cores(function: Callable[[Any], Any], parts: Sequence[Any]) -> Iterator[Any]:
    """Yield what a function returns for each part, in order, each computed in a thread in which FAISS uses no others.

    What has not begun when one fails is left. Within such a thread all is done there, as no other might be free.
    """
    return map(function, parts) if hasattr(_here, "is_one_of_them") else _pool().map(function, parts)
