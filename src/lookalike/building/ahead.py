"""Items read, decoded and prepared ahead of their turn, in threads, in order, and within bounds.

Decoding takes a core, so a few threads do it. Reading from afar takes patience, so a source that is far away is read by
threads of its own, as many as it asks for.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from lookalike.building.work import Prepared
from lookalike.cores import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from concurrent.futures import Future

    from lookalike.building.work import Outcome, Worker
    from lookalike.images.ref import ImageRef

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")

_MOST_ITEMS = 96
"""More would not feed the encoder any better."""
_MOST_BYTES = 64 << 20
"""Of prepared images, and of files from afar."""


@dataclass(frozen=True, slots=True)
class Threads:
    """How many threads there are."""

    decoding: int
    reading: int = 0
    """0: who decodes reads as well."""


def in_order(
    worker: Worker, pending: Iterable[tuple[ImageRef, int | None]], threads: Threads, batch: Callable[[], int]
) -> Generator[Outcome, None, None]:
    """Yield what a worker makes of each item, in their order.

    Parameters
    ----------
    worker : reads and prepares.
    pending : the items, with their rows if the gallery holds them; drawn from only as there is room ahead.
    threads : that work meanwhile. Closing the iterator ends them, and nothing more is read then.
    batch : returns how many images the encoder takes at once; called only once an image is prepared for it.
    """
    with _pools(threads) as (decoding, reading):
        running: deque[Future[Outcome]] = deque()
        room = _Room(threads, batch)
        for ref, row_id in pending:
            read = None if reading is None else reading.submit(worker.read, ref).result
            running.append(decoding.submit(worker, ref, row_id, read))
            while len(running) >= room.items:
                yield room.noted(running.popleft().result())
        while running:
            yield running.popleft().result()


class _Room:
    """How many items may be ahead: fewer of large ones, but all threads and the encoder have something to do."""

    def __init__(self, threads: Threads, batch: Callable[[], int]) -> None:
        self._reads_ahead = threads.reading > 0
        self._least = threads.decoding + threads.reading
        self._batch = batch
        self._has_batch = False
        self._largest = 1
        self.items = self._least
        """Few, until the size of one is known."""

    def noted(self, outcome: Outcome) -> Outcome:
        """Take an item's size into account, and return the item."""
        if isinstance(outcome, Prepared):
            if not self._has_batch:
                self._least += self._batch()
                self._has_batch = True
            size = outcome.image.nbytes + (outcome.record.size if self._reads_ahead else 0)
            self._largest = max(self._largest, size)
        self.items = max(self._least, min(_MOST_ITEMS, _MOST_BYTES // self._largest))
        return outcome


@contextmanager
def _pools(threads: Threads) -> Iterator[tuple[ThreadPoolExecutor, ThreadPoolExecutor | None]]:
    decoding = ThreadPoolExecutor(threads.decoding, thread_name_prefix="lookalike-decode")
    reading = ThreadPoolExecutor(threads.reading, thread_name_prefix="lookalike-read") if threads.reading else None
    try:
        yield decoding, reading
    finally:
        # after an interruption nothing more is read; first the reads are cancelled, for which decoders may be waiting
        if reading is not None:
            reading.shutdown(wait=False, cancel_futures=True)
        decoding.shutdown(wait=True, cancel_futures=True)
        if reading is not None:
            reading.shutdown(wait=True)


def ahead(function: Callable[[_Item], _Made], items: Iterable[_Item]) -> Iterator[tuple[_Item, _Made]]:
    """Yield each item with what a function makes of it, in order; threads work a little ahead."""
    threads = usable_cores()
    pool = ThreadPoolExecutor(threads)
    running: deque[tuple[_Item, Callable[[], _Made]]] = deque()
    try:
        for item in items:
            running.append((item, pool.submit(function, item).result))
            if len(running) > 2 * threads:
                done, result = running.popleft()
                yield done, result()
        for done, result in running:
            yield done, result()
    finally:
        pool.shutdown(cancel_futures=True)
