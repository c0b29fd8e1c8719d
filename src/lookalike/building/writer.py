"""The thread that writes: embeddings become rows about a thousand at a time, each time in one commit."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from concurrent.futures import Future
    from types import TracebackType

    from lookalike.arrays import Vectors
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.gallery.record import Record
    from lookalike.gallery.skipped_store import SkippedItem, SkippedStore

_ROWS = 1_024
_SECONDS = 5.0
"""A slow encoder commits before it has that many rows."""
_COMMITS = 64
"""Between two times that small files are merged, for each commit has to list them all."""


class Writer:
    """Collects rows and commits them in the background, at most one commit behind.

    As a context manager it commits the rest at the end, also when the run was interrupted: what was embedded is kept.
    """

    def __init__(self, store: LanceStore, skipped: SkippedStore, known_skips: set[str]) -> None:
        self._store = store
        self._skipped = skipped
        self._known_skips = known_skips
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lookalike-write")
        self._commit: Future[None] | None = None
        self._new: list[tuple[Record, Vectors]] = []
        self._changed: list[tuple[Record, Vectors]] = []
        self._skips: list[SkippedItem] = []
        self._last = time.monotonic()
        self._commits = 0

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._start_commit()
            self._finish_commit()
        finally:
            self._thread.shutdown(wait=True)

    def put(self, record: Record, embedding: Vectors, *, is_new: bool) -> None:
        """Take a row in; ``embedding`` has the shape (dim,).

        Raises
        ------
        StoreError : if an earlier commit failed.
        """
        (self._new if is_new else self._changed).append((record, embedding))
        self._maybe_commit()

    def skip(self, item: SkippedItem) -> None:
        """Take in an item that cannot be indexed."""
        self._skips.append(item)
        self._maybe_commit()

    def _maybe_commit(self) -> None:
        rows = len(self._new) + len(self._changed) + len(self._skips)
        if rows >= _ROWS or time.monotonic() - self._last > _SECONDS:
            self._start_commit()

    def _start_commit(self) -> None:
        self._finish_commit()
        new, changed, skips = self._new, self._changed, self._skips
        self._new, self._changed, self._skips = [], [], []
        self._last = time.monotonic()
        self._commit = self._thread.submit(self._write, new, changed, skips)

    def _finish_commit(self) -> None:
        if self._commit is not None:
            commit, self._commit = self._commit, None
            commit.result()

    def _write(
        self, new: list[tuple[Record, Vectors]], changed: list[tuple[Record, Vectors]], skips: list[SkippedItem]
    ) -> None:
        if new:
            self._store.add([record for record, _ in new], np.stack([vector for _, vector in new]))
        if changed:
            self._store.upsert([record for record, _ in changed], np.stack([vector for _, vector in changed]))
        if skips:
            self._skipped.record(skips)
        written = [record.id for record, _ in (*new, *changed) if record.id in self._known_skips]
        if written:
            self._skipped.forget(written)
        self._commits += 1
        if self._commits % _COMMITS == 0:
            self._store.optimise()
            self._skipped.optimise()
