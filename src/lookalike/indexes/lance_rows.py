"""The embeddings of a Lance table as a matrix that is read as it is used, for galleries larger than memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import lance
    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors

_ROWS = 4_096


class LanceRows:
    """Rows of a table by position; takes the place of an array wherever indexes read rows.

    Parameters
    ----------
    dataset : the table.
    column : of fixed-size lists of numbers: the embeddings.
    row_ids : shape (n,), uint64: the table's row ids (``_rowid``) in the order of positions.

    Notes
    -----
    Each access reads from the table; slices of it stream through an exact search in bounded memory.
    """

    ndim = 2

    def __init__(self, dataset: lance.LanceDataset, column: str, row_ids: npt.NDArray[np.uint64]) -> None:
        self.dataset = dataset
        self.column = column
        self.row_ids = row_ids
        self.shape = (len(row_ids), int(dataset.schema.field(column).type.list_size))
        self._by_id = np.argsort(row_ids, kind="stable")
        self._sorted = row_ids[self._by_id]

    @property
    def nbytes(self) -> int:
        """The size of the matrix in bytes, were it in memory."""
        return 4 * self.shape[0] * self.shape[1]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: slice | Positions) -> Vectors:
        wanted = self.row_ids[which]
        parts = [self._read(wanted[start : start + _ROWS]) for start in range(0, len(wanted), _ROWS)]
        return np.concatenate(parts) if parts else np.empty((0, self.shape[1]), np.float32)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:  # noqa: FBT001  # NumPy's call
        del copy  # it always is one
        return np.asarray(self[:], dtype=dtype)

    def positions_of(self, row_ids: npt.NDArray[np.uint64]) -> Positions:
        """Return the positions of rows; -1 for those that are not of this matrix."""
        if len(self) == 0:
            return np.full(len(row_ids), -1, np.int64)
        place = np.minimum(np.searchsorted(self._sorted, row_ids), len(self) - 1)
        return np.where(self._sorted[place] == row_ids, self._by_id[place], -1)

    def _read(self, row_ids: npt.NDArray[np.uint64]) -> Vectors:
        distinct, inverse = np.unique(row_ids, return_inverse=True)
        table = self.dataset._take_rows(distinct.tolist(), columns=[self.column, "_rowid"])
        order = np.argsort(table["_rowid"].to_numpy())
        column = table[self.column].combine_chunks()
        flat = (column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column).flatten()
        matrix = flat.to_numpy(zero_copy_only=False).reshape(len(table), -1)
        return np.asarray(matrix[order][inverse], np.float32)
