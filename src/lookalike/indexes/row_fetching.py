"""Single rows of a mapped file, read from the disk side by side where they have to be.

A page that is not in memory is read when it is touched, one after the other, and much around it with it; among rows
that lie anywhere in a file larger than memory that takes a tenth of a millisecond each, and pushes out what is needed
again. Announced before (``madvise(2)``, ``MADV_WILLNEED``), just these pages are read, all at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lookalike.indexes.memory_advice import CAN_ANNOUNCE, announce, pages_read

if TYPE_CHECKING:
    from lookalike.arrays import Positions, Vectors

_ANNOUNCED = 1_000
"""Times that rows are announced after some had to be read: one that is not may bring megabytes along."""


class RowFetcher:
    """Gives rows by their positions, as the array itself does; announced for a while after some had to be read.

    Parameters
    ----------
    rows : shape (n, dim), in memory, mapped, or anything that gives rows by arrays of positions.
    """

    def __init__(self, rows: Vectors) -> None:
        self._rows = rows
        self._to_announce = _ANNOUNCED
        # of rows that lie otherwise in memory, take would first make a copy of all
        is_plain = isinstance(rows, np.ndarray) and rows.flags.c_contiguous and rows.flags.aligned
        self._plain: Vectors | None = rows.view(np.ndarray) if is_plain else None
        self._is_mapped = is_plain and isinstance(rows, np.memmap) and CAN_ANNOUNCE

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, positions: Positions) -> Vectors:
        if self._plain is None:
            return self._rows[positions]
        if not self._is_mapped:
            return self._plain.take(positions, axis=0)
        if self._to_announce > 0:
            self._to_announce -= 1
            self._announce(positions)
        before = pages_read()
        fetched = self._plain.take(positions, axis=0)
        if pages_read() > before:
            self._to_announce = _ANNOUNCED
        return fetched

    def _announce(self, positions: Positions) -> None:
        rows = self._rows
        for position in np.unique(positions % len(rows)).tolist():  # -1 is the last row
            announce(rows.ctypes.data + position * rows.strides[0], rows.strides[0])
