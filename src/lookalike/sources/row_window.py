"""Values of one column of a Parquet file, by row: read in order, with those just read kept at hand."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from lookalike.sources.table_files import reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BATCH = 8
_KEPT_ROWS = 512
_KEPT_BYTES = 1 << 27


class RowWindow:
    """Reads a file once from beginning to end where rows are asked for in about their order. Safe in threads.

    A row that lies behind what is kept, or in a row group further on, begins anew with its row group. What is kept is
    bounded by rows and by bytes, however long the row groups are.
    """

    def __init__(self, path: Path, column: str) -> None:
        self._path = path
        self._column = column
        self._lock = threading.Lock()
        self._file: Any = None
        self._starts: list[int] = []
        self._batches: Iterator[Any] = iter(())
        self._next = 0
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self._kept_bytes = 0

    def __getitem__(self, row: int) -> Any:
        """Return the value of a row: bytes, a dictionary, or None.

        Raises
        ------
        SourceError : if the file cannot be read, or is damaged.
        LookupError : if there is no such row.
        """
        with self._lock, reading(self._path):
            if row not in self._kept:
                self._reach(row)
            return self._kept[row]

    def _reach(self, row: int) -> None:
        if self._file is None:
            self._open()
        group = bisect_right(self._starts, row) - 1
        if row < self._next or group > bisect_right(self._starts, max(self._next - 1, 0)) - 1:
            self._begin(group)
        while row not in self._kept:
            batch = next(self._batches, None)
            if batch is None:
                raise LookupError(row)
            for value in batch.column(0).to_pylist():
                self._keep(self._next, value)
                self._next += 1

    def _open(self) -> None:
        self._file = pq.ParquetFile(self._path, buffer_size=1 << 20, pre_buffer=False)
        sizes = [self._file.metadata.row_group(at).num_rows for at in range(self._file.metadata.num_row_groups)]
        self._starts = [0, *accumulate(sizes)][:-1]
        self._begin(0)

    def _begin(self, group: int) -> None:
        groups = list(range(group, len(self._starts)))
        self._batches = self._file.iter_batches(_BATCH, row_groups=groups, columns=[self._column])
        self._next = self._starts[group]

    def _keep(self, row: int, value: Any) -> None:
        self._kept_bytes += _size(value) - _size(self._kept.pop(row, None))
        self._kept[row] = value
        while len(self._kept) > _KEPT_ROWS or (self._kept_bytes > _KEPT_BYTES and len(self._kept) > _BATCH):
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= _size(dropped)


def _size(value: Any) -> int:
    return len(value.get("bytes") or b"" if isinstance(value, dict) else value or b"")
