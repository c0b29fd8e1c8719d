"""Embeds what many requests ask for at once, in batches."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from lookalike.encoders.staging import batch_size, batches_at_once, encode_prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import Encoder

    Waiting = tuple[npt.NDArray[Any], Future[Vectors]]


class EncodingQueue:
    """Threads that embed: each time what is waiting, up to the batch that the encoder is best given.

    None waits for a batch to fill: alone, a picture goes through at once, and under load batches form by themselves
    while those before are computed.

    Parameters
    ----------
    encoder : there are as many threads as it is quickest with.
    watch : wraps each batch, of which it gets the size.
    """

    def __init__(self, encoder: Encoder, watch: Callable[[int], Any]) -> None:
        self._encoder = encoder
        self._watch = watch
        self._waiting: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name="lookalike-encode") for _ in range(batches_at_once(encoder))
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, prepared: npt.NDArray[Any]) -> Future[Vectors]:
        """Take one image, as :func:`lookalike.encoders.staging.prepare` returned it; the result has shape (1, dim)."""
        future: Future[Vectors] = Future()
        self._waiting.put((prepared, future))
        return future

    def close(self) -> None:
        """Embed what was submitted, and end."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        is_open = True
        while is_open:
            batch, is_open = self._next()
            batch = [(prepared, future) for prepared, future in batch if future.set_running_or_notify_cancel()]
            if batch:
                self._settle(batch)

    def _next(self) -> tuple[list[Waiting], bool]:
        """Wait for one image and return it with those behind it; also whether more may come."""
        batch: list[Waiting] = []
        item = self._waiting.get()
        while item is not None:
            batch.append(item)
            if len(batch) >= batch_size(self._encoder):
                return batch, True
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _settle(self, batch: Sequence[Waiting]) -> None:
        try:
            with self._watch(len(batch)):
                vectors = encode_prepared(self._encoder, [prepared for prepared, _ in batch])
        except Exception as error:  # noqa: BLE001  (whatever an encoder raises is the answer to who asked)
            if len(batch) == 1:
                batch[0][1].set_exception(error)
            else:  # one that cannot be embedded is no fault of the others
                for item in batch:
                    self._settle([item])
        else:
            for row, (_, future) in enumerate(batch):
                future.set_result(vectors[row : row + 1])
