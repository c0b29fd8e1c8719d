"""Tables with a column of images: Parquet, CSV, TSV and JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.errors import SourceError
from lookalike.images.ref import ImageRef
from lookalike.sources.fetch import DEFAULT_FETCH_LIMITS, FetchLimits
from lookalike.sources.listed import ListedSource, ListName
from lookalike.sources.names import anchored, item_id, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lookalike.sources.base import Source
    from lookalike.sources.columns import Columns
    from lookalike.sources.listed import Entry
    from lookalike.sources.table_files import ParquetTable, Table

_TABLE = re.compile(r"(.*\.(?:parquet|csv|tsv|json|jsonl|ndjson))(?:#(.+))?", re.IGNORECASE | re.DOTALL)


def split_table(spec: str) -> tuple[str, str | None] | None:
    """Return the path and the column that ``x.parquet#COLUMN`` names, or None for what is no table by its suffix.

    Examples
    --------
    >>> split_table("x.csv"), split_table("x.csv#photo"), split_table("x.jpg")
    (('x.csv', None), ('x.csv', 'photo'), None)
    """
    found = _TABLE.fullmatch(spec)
    return (found[1], found[2]) if found else None


def table_source(
    path: Path, column: str | None = None, *, base: Path, limits: FetchLimits = DEFAULT_FETCH_LIMITS
) -> Source:
    """Return the pictures of a table; its other columns of single values become attributes.

    Parameters
    ----------
    path : of the table. Relative paths in it are relative to its folder.
    column : with the pictures: paths, URLs, bytes, or structures of ``bytes`` and ``path``; by default found by name.
    base : the folder that holds the gallery: ids of files inside are relative to it. The id of a picture that is in the
        table itself is ``TABLE#ROW``, counted from 0.
    limits : of fetching pictures from the web.

    Raises
    ------
    SourceError : if the table cannot be read.
    InputError : if no column holds pictures.
    """
    from lookalike.sources.table_columns import columns_of_table, holds_bytes, image_column
    from lookalike.sources.table_files import ParquetTable, open_table

    table = open_table(path)
    place = anchored(path, base)
    name = ListName(item_id(place, base), printable(place))
    metadata = table.metadata if isinstance(table, ParquetTable) else {}
    columns = columns_of_table(table.columns, metadata, asked=column, uri=name.uri)
    if isinstance(table, ParquetTable) and holds_bytes(table.columns[columns.image]):
        prefix = "" if columns.image == image_column(table.columns) else f"{columns.image}/"
        return RowsSource(Path(place), table, columns, prefix=f"{name.id}#{prefix}")

    return ListedSource(name, lambda: _entries(table, columns), folder=Path(place).parent, base=base, limits=limits)


def _entries(table: Table, columns: Columns) -> Iterator[Entry]:
    for row in table.rows([columns.image, *columns.attributes]):
        yield row[columns.image] or "", columns.attributes_of(row)


@dataclass(frozen=True, slots=True)
class _Row(ImageRef):
    number: int = -1


class RowsSource:
    """Pictures that are in a Parquet file themselves.

    Parameters
    ----------
    path : of the file.
    table : of it.
    columns : what is where.
    prefix : begins the ids; the number of the row follows.
    """

    def __init__(self, path: Path, table: ParquetTable, columns: Columns, *, prefix: str) -> None:
        from lookalike.sources.row_window import RowWindow

        # not a path, as no file is there to be read without this source
        self.uri = f"table:{printable(str(path))}"
        self._path = path
        self._table = table
        self._columns = columns
        self._prefix = prefix
        self._values = RowWindow(path, columns.image)

    def __iter__(self) -> Iterator[ImageRef]:
        """List the rows in order.

        Raises
        ------
        SourceError : if the file cannot be read, or has no rows.
        """
        from lookalike.sources.table_files import reading

        if self._table.row_count == 0:
            raise SourceError(self.uri, "the table has no rows")
        with reading(self._path):
            status = self._path.stat()
        stamp = f"{status.st_size}:{status.st_mtime_ns}"
        for number, row in enumerate(self._table.rows(self._columns.attributes)):
            attributes = self._columns.attributes_of(row)
            uri = f"{self.uri}#{number}"
            yield _Row(f"{self._prefix}{number}", uri, attributes, f"{stamp}:{number}", number=number)

    def refs(self) -> Iterator[ImageRef]:
        """List the rows without their stamps: these are of the whole file, and change if any row does."""
        return (replace(ref, stamp="") for ref in self)

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of the row's picture as they were stored, or of the file that it names instead.

        Raises
        ------
        OSError : if the row holds none, or the file cannot be read.
        """
        if not isinstance(ref, _Row):
            raise SourceError(ref.uri, f"it is not a row of {self.uri}")
        try:
            value = self._values[ref.number]
        except LookupError as error:
            raise SourceError(ref.uri, "the table has no such row any more") from error
        if isinstance(value, dict):
            if value["bytes"] is None and value["path"]:
                return Path(self._path.parent, value["path"]).read_bytes()
            value = value["bytes"]
        if not value:
            raise SourceError(ref.uri, "the row holds no picture")
        return bytes(value)

    def covers(self, item_id: str) -> bool:
        """Say whether the item is a row, present or past, of this table."""
        number = item_id.removeprefix(self._prefix)
        return number != item_id and number.isascii() and number.isdecimal()
