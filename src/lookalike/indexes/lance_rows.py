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
    Each access reads from the table; slices of it stream through an exact search in bounded memory. A row that the
    table has lost since is all zeros.
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
        table = self.dataset._take_rows(np.unique(row_ids).tolist(), columns=[self.column, "_rowid"])
        found = table["_rowid"].to_numpy()
        order = np.argsort(found)
        matrix = np.zeros((len(found) + 1, self.shape[1]), np.float32)  # the last for rows that were deleted since
        matrix[:-1] = _matrix(table[self.column])[order]
        place = np.minimum(np.searchsorted(found[order], row_ids), max(len(found) - 1, 0))
        is_there = found[order][place] == row_ids if len(found) else np.zeros(len(row_ids), np.bool_)
        return matrix[np.where(is_there, place, len(found))]


def _matrix(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    whole = column.combine_chunks()
    flat = (whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole).flatten()
    matrix: npt.NDArray[Any] = flat.to_numpy(zero_copy_only=False).reshape(len(column), -1)
    return matrix
