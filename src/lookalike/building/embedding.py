"""Prepared images embedded in batches, some batches at once where the encoder is quicker so."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lookalike.building.verification import checked_embeddings
from lookalike.building.work import Prepared
from lookalike.encoders.staging import batch_size, batches_at_once, encode_prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from concurrent.futures import Future

    from lookalike.arrays import Vectors
    from lookalike.building.work import Given, Known, Outcome, Same, Unusable
    from lookalike.encoders.base import Encoder


@dataclass(frozen=True, slots=True)
class Embedded:
    """Images that were embedded together, in their order."""

    items: list[Prepared]
    vectors: Vectors
    """Shape (n, dim)."""


def embedded(
    outcomes: Iterable[Outcome], encoder: Callable[[], Encoder]
) -> Generator[Embedded | Known | Given | Same | Unusable, None, None]:
    """Yield what is to be written: prepared images embedded, and all others as they come.

    Parameters
    ----------
    outcomes : of the workers. Closing the iterator drops what was prepared and not yet yielded.
    encoder : returns the encoder; called only once an image is prepared for it.

    Raises
    ------
    EncoderError : if the encoder returns what is no embedding; what it raises itself is passed on.
    """
    waiting: list[Prepared] = []
    batches: _Batches | None = None
    try:
        for outcome in outcomes:
            if not isinstance(outcome, Prepared):
                yield outcome
                continue
            batches = batches or _Batches(encoder())
            waiting.append(outcome)
            if len(waiting) >= batches.size:
                yield from batches.put(waiting)
                waiting = []
        if batches is not None:
            yield from batches.put(waiting)
            yield from batches.rest()
    finally:
        if batches is not None:
            batches.close()


class _Batches:
    """Embeds batches in threads, or, one at a time, in the thread of the caller."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._at_once = batches_at_once(encoder)
        self._running: deque[tuple[list[Prepared], Future[Vectors]]] = deque()
        self._pool = ThreadPoolExecutor(self._at_once, thread_name_prefix="lookalike-embed")

    @property
    def size(self) -> int:
        """How many images a batch has; it may become smaller as memory runs short."""
        return batch_size(self._encoder)

    def put(self, items: list[Prepared]) -> Iterator[Embedded]:
        """Take a batch in, and yield those that have to be done before there is room again."""
        if not items:
            return
        if self._at_once == 1:
            yield Embedded(items, self._embed(items))
            return
        self._running.append((items, self._pool.submit(self._embed, items)))
        while len(self._running) > self._at_once:
            yield self._oldest()

    def rest(self) -> Iterator[Embedded]:
        """Yield what is left, as it is done."""
        while self._running:
            yield self._oldest()

    def close(self) -> None:
        """End the threads, once what they have begun is done."""
        self._pool.shutdown(cancel_futures=True)

    def _oldest(self) -> Embedded:
        items, vectors = self._running.popleft()
        return Embedded(items, vectors.result())

    def _embed(self, items: list[Prepared]) -> Vectors:
        encoded = encode_prepared(self._encoder, [item.image for item in items])
        return checked_embeddings(self._encoder, encoded, len(items))
