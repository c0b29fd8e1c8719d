"""Tables in files, read a batch of rows at a time: Parquet, CSV, TSV, and JSON."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from lookalike.errors import SourceError, first_line
from lookalike.sources.kinds import Kinds
from lookalike.sources.names import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_ROWS = 1000
_CSV_BLOCK = 1 << 23
_JSON_BLOCK = 1 << 20
_LARGEST_OBJECT = 1 << 26
_CSV_TYPES = (pa.int64(), pa.float64(), pa.bool_(), pa.timestamp("us"))
_VALUE = re.compile(r"[^ \t\r\n,]")
_LEADING_ZERO = r"^[+-]?0[0-9]"
_JSON_TYPES: dict[type, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
    type(None): pa.null(),
    object: pa.struct([]),
}


class Table(Protocol):
    """The rows of a file."""

    @property
    def columns(self) -> Mapping[str, pa.DataType]:
        """The type of each column, in their order."""
        ...

    def rows(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Return the rows in order, with those columns.

        Raises
        ------
        SourceError : if the file cannot be read, or is damaged.
        """
        ...


def open_table(path: Path) -> Table:
    """Return the table in a file of a kind that its suffix tells.

    Raises
    ------
    SourceError : if it cannot be read, or is damaged.
    """
    suffix = path.suffix.lower()
    with reading(path):
        if suffix == ".parquet":
            return ParquetTable(path)
        return _CsvTable(path) if suffix in (".csv", ".tsv") else _JsonTable(path)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a table into a SourceError.

    Raises
    ------
    SourceError : in its stead.
    """
    try:
        yield
    except SourceError:
        raise
    except OSError as error:
        raise SourceError(printable(str(path)), error.strerror or first_line(error)) from error
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise SourceError(printable(str(path)), f"the table cannot be read: {first_line(error)}") from error


class ParquetTable:
    """A Parquet file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with pq.ParquetFile(path) as file:
            self.columns = {field.name: field.type for field in file.schema_arrow}
            self.metadata: Mapping[bytes, bytes] = file.schema_arrow.metadata or {}
            self.row_count = int(file.metadata.num_rows)

    def rows(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Return the rows in order, with those columns."""
        if not names:
            yield from ({} for _ in range(self.row_count))
            return
        with reading(self._path), pq.ParquetFile(self._path, buffer_size=1 << 20, pre_buffer=False) as file:
            for batch in file.iter_batches(_ROWS, columns=list(names)):
                yield from _rows(names, [_plain(batch[name], self.columns[name]) for name in names])


class _CsvTable:
    """Comma- or tab-separated values with a line of names; the types are those that hold all values of a column."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(path)
        with self._open([]) as reader:
            names = reader.schema.names
        # where two columns have the same name, the first
        self._places = {name: names.index(name) for name in names}
        types = dict.fromkeys(self._places, _CSV_TYPES)
        for batch in self._batches(names):
            for name, place in self._places.items():
                types[name] = tuple(kind for kind in types[name] if _fits(batch.column(place), kind))
        self.columns = {name: _strictest(kinds) for name, kinds in types.items()}

    def rows(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Return the rows in order, with those columns."""
        with reading(self._path):
            for batch in self._batches(list(self._places)):
                yield from _rows(names, [_plain(batch[self._places[name]], self.columns[name]) for name in names])

    def _batches(self, names: Sequence[str]) -> Iterator[Any]:
        with self._open(names) as reader:
            yield from reader

    def _open(self, names: Sequence[str]) -> Any:
        return pyarrow.csv.open_csv(
            self._path,
            pyarrow.csv.ReadOptions(block_size=_CSV_BLOCK),
            pyarrow.csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
            ),
        )


class _JsonTable:
    """Objects one after the other, on lines of their own or not, or in one list."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kinds = Kinds()
        for row in self._objects():
            self._kinds.learn(row)
        self.columns = {name: _JSON_TYPES[self._kinds.kind_of(name)] for name in self._kinds.names}

    def rows(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Return the rows in order, with those columns."""
        for row in self._objects():
            yield self._kinds.scalars(row, names)

    def _objects(self) -> Iterator[dict[str, Any]]:
        uri = printable(str(self._path))
        number = 0
        with reading(self._path), self._path.open(encoding="utf-8-sig") as file:
            try:
                for number, found in enumerate(_json_values(file), start=1):
                    if not isinstance(found, dict):
                        reason = f"its rows should be JSON objects, and number {number} is not ({str(found)[:40]})"
                        raise SourceError(uri, reason)
                    yield found
            except (json.JSONDecodeError, RecursionError) as error:
                reason = f"it is no valid JSON behind its object {number} ({error})"
                raise SourceError(uri, reason) from error


def _json_values(file: IO[str]) -> Iterator[Any]:
    """Read the values of one list, or values one after the other, with one block and the longest value in memory."""
    decode = json.JSONDecoder().raw_decode
    text, place = "", 0
    is_list: bool | None = None
    while True:
        place = _next_value(text, place)
        if place < len(text):
            if is_list is None:
                is_list = text[place] == "["
                place += is_list
                continue
            if is_list and text[place] == "]":
                return
            with suppress(json.JSONDecodeError):  # cut off at the end of the block, most likely
                found, place = decode(text, place)
                yield found
                continue
        block = file.read(_JSON_BLOCK)
        if not block or len(text) > _LARGEST_OBJECT:
            break
        text, place = text[place:] + block, 0
    if place < len(text) or is_list:
        decode(text, place)


def _next_value(text: str, place: int) -> int:
    found = _VALUE.search(text, place)
    return found.start() if found else len(text)


def _delimiter(path: Path) -> str:
    with path.open("rb") as file:
        head = file.readline(1 << 16)
    return ";" if b";" in head and b"," not in head else ","


def _strictest(fitting: tuple[pa.DataType, ...]) -> pa.DataType:
    # what fits all types has no values
    return fitting[0] if 0 < len(fitting) < len(_CSV_TYPES) else pa.string()


def _fits(texts: pa.Array, kind: pa.DataType) -> bool:
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if is_number and pc.any(pc.match_substring_regex(texts, _LEADING_ZERO)).as_py():  # a code, which zeros belong to
        return False
    try:
        texts.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def plain_type(kind: pa.DataType) -> pa.DataType | None:
    """Return the type in which values become attributes, or None for a type that does not become one."""
    types = pa.types
    if types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if types.is_uint64(kind):  # mostly hashes, and a gallery's whole numbers are signed
        return pa.string()
    if types.is_floating(kind) or types.is_decimal(kind):
        return pa.float64()
    if types.is_timestamp(kind) or types.is_date(kind):
        return pa.timestamp("us", getattr(kind, "tz", None) and "UTC")
    if types.is_boolean(kind) or types.is_integer(kind):
        return kind
    return pa.string() if _is_text(kind) else None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _plain(array: pa.Array, kind: pa.DataType) -> pa.Array:
    plain = plain_type(kind)
    if plain is None:
        return array
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    array = array.cast(plain, safe=_is_text(array.type))  # of a time in nanoseconds, these are lost
    return pc.if_else(pc.is_finite(array), array, None) if pa.types.is_floating(plain) else array


def _rows(names: Sequence[str], arrays: Sequence[pa.Array]) -> Iterator[dict[str, Any]]:
    batch = pa.RecordBatch.from_arrays(arrays, names=list(names))
    for start in range(0, batch.num_rows, _ROWS):  # a block of a CSV file can have hundreds of thousands
        yield from batch.slice(start, _ROWS).to_pylist()
