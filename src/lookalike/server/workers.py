"""The threads of a server, and how much may wait for them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from lookalike.cores import usable_cores
from lookalike.server.metrics import Metrics
from lookalike.server.problems import busy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lookalike.server.options import ServerOptions

T = TypeVar("T")

_SEARCHES = 4
_FETCHES = 8


class Workers:
    """What all galleries of a server share; the event loop only waits for it.

    Parameters
    ----------
    options : how much may wait.
    """

    def __init__(self, options: ServerOptions) -> None:
        self.options = options
        self.metrics = Metrics()
        self._in_flight = 0
        self.keeps_up = False
        """Whether a gallery is tuned or optimized; set on the event loop."""
        self._pools = {
            "decode": ThreadPoolExecutor(usable_cores(), "lookalike-decode"),
            "search": ThreadPoolExecutor(max(_SEARCHES, usable_cores()), "lookalike-search"),
            "fetch": ThreadPoolExecutor(_FETCHES, "lookalike-fetch"),
            "upkeep": ThreadPoolExecutor(1, "lookalike-upkeep"),  # it takes long, and all the memory there is
        }

    @contextmanager
    def admitted(self, queries: int) -> Iterator[None]:
        """Let queries in while there is room; on the event loop only.

        Raises
        ------
        RefusedError : if there is none.
        """
        if self._in_flight + queries > self.options.max_queries:
            raise busy()
        self._note(queries)
        try:
            yield
        finally:
            self._note(-queries)

    async def do(self, stage: str, work: Callable[[], T]) -> T:
        """Do work in a thread of a stage (``decode``, ``search``, ``fetch``, ``upkeep``), timed."""

        def timed() -> T:
            with self.metrics.stage(stage):
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._pools[stage], timed)

    def begin(self, stage: str, work: Callable[[], None]) -> None:
        """Do work in a thread of a stage; it raises nothing, and times itself."""
        self._pools[stage].submit(work)

    def close(self) -> None:
        """End the threads, once they have done what was begun."""
        for pool in self._pools.values():
            pool.shutdown()

    def _note(self, queries: int) -> None:
        self._in_flight += queries
        self.metrics.in_flight(self._in_flight)
