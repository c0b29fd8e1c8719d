"""Embeddings in files and arrays, read a few hundred rows at a time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lookalike.errors import InputError, ShapeError, SourceError, UnknownNameError, first_line
from lookalike.sources.names import printable
from lookalike.sources.table_files import reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lookalike.arrays import Vectors

_ROWS = 512


class ArrayVectors:
    """The rows of a matrix, which may be mapped from a file.

    Parameters
    ----------
    array : shape (n, dim), of real numbers; not modified.

    Raises
    ------
    ShapeError : for any other shape.
    InputError : if it holds no real numbers.
    """

    def __init__(self, array: npt.NDArray[Any]) -> None:
        if array.ndim != 2 or array.shape[1] == 0:
            expected = "(n, dim)"
            raise ShapeError(expected, array.shape)
        if array.dtype.kind not in "fiu":
            msg = f"embeddings are real numbers, and this array holds {array.dtype}; convert it to float32"
            raise InputError(msg)
        self.count, self.dim = map(int, array.shape)
        self._array = array

    def __iter__(self) -> Iterator[Vectors | None]:
        """Yield the rows in order."""
        for start in range(0, self.count, _ROWS):
            yield from _as_float32(self._array[start : start + _ROWS])


def npy_vectors(path: Path) -> ArrayVectors:
    """Return the rows of a ``.npy`` file, mapped into memory.

    Raises
    ------
    SourceError : if it cannot be read, or holds no matrix of real numbers.
    """
    uri = printable(str(path))
    try:
        return ArrayVectors(np.load(path, mmap_mode="r", allow_pickle=False))
    except InputError as error:
        raise SourceError(uri, str(error)) from error
    except OSError as error:
        raise SourceError(uri, error.strerror or first_line(error)) from error
    except (ValueError, EOFError) as error:
        reason = f"it is no array of numbers as numpy.save writes it ({first_line(error).rstrip('.')})"
        raise SourceError(uri, reason) from error


class ParquetVectors:
    """A column of lists of numbers in a Parquet file.

    Parameters
    ----------
    path : of the file.
    column : the name of the column.

    Raises
    ------
    SourceError : if the file cannot be read.
    UnknownNameError : if there is no such column.
    InputError : if it holds no lists of numbers.
    """

    def __init__(self, path: Path, column: str) -> None:
        self._path = path
        self._column = column
        with reading(path), pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            self.count = int(file.metadata.num_rows)
        _check_column(schema, column, printable(str(path)))
        self.dim = self._usual_length(schema.field(column).type)

    def __iter__(self) -> Iterator[Vectors | None]:
        """Yield the rows in order."""
        for batch in self._batches():
            yield from _lists(batch.column(0))

    def _usual_length(self, kind: Any) -> int:
        if pa.types.is_fixed_size_list(kind):
            return int(kind.list_size)
        for batch in self._batches():
            lengths = Counter(pc.list_value_length(batch.column(0)).drop_null().to_pylist())
            if lengths:
                return int(lengths.most_common(1)[0][0])
        return 0

    def _batches(self) -> Iterator[Any]:
        with reading(self._path), pq.ParquetFile(self._path, buffer_size=1 << 20, pre_buffer=False) as file:
            yield from file.iter_batches(_ROWS, columns=[self._column])


def _check_column(schema: Any, column: str, uri: str) -> None:
    fitting = [field.name for field in schema if _holds_vectors(field.type)]
    if column not in schema.names:
        kind = f"column of {uri}"
        raise UnknownNameError(kind, column, fitting or schema.names)
    if column not in fitting:
        others = f"; the column {fitting[0]!r} does" if fitting else ""
        kind = schema.field(column).type
        msg = f"{uri}: the column {column!r} holds {kind}, and embeddings are lists of numbers{others}"
        raise InputError(msg)


def _holds_vectors(kind: Any) -> bool:
    types = pa.types
    if not (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        return False
    return bool(types.is_floating(kind.value_type) or types.is_integer(kind.value_type))


def _lists(array: Any) -> Iterator[Vectors | None]:
    """Yield the lists of an array, without a Python object for each number."""
    is_there = array.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        starts = (np.arange(len(array)) + array.offset) * size
        ends = starts + size
    else:
        offsets = array.offsets.to_numpy()
        starts, ends = offsets[:-1], offsets[1:]
    values = _as_float32(array.values.to_numpy(zero_copy_only=False))  # a null among them becomes NaN
    for has_list, start, end in zip(is_there.tolist(), starts.tolist(), ends.tolist(), strict=True):
        yield values[start:end] if has_list else None


def _as_float32(values: npt.NDArray[Any]) -> Vectors:
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is told of
        return np.array(values, np.float32)
