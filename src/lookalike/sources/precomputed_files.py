"""Files of embeddings: a column of a Parquet table, or an array of NumPy with a list of names beside it."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError, SourceError, SourceGoneError
from lookalike.images.ref import ImageRef
from lookalike.sources.combined import combined, open_all
from lookalike.sources.files import missing
from lookalike.sources.listed import ListedSource, ListName
from lookalike.sources.names import anchored, item_id, original, printable
from lookalike.sources.pattern import is_pattern
from lookalike.sources.precomputed import BareRows, PrecomputedSource
from lookalike.sources.table import RowsSource, split_table, table_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lookalike.sources.base import Source
    from lookalike.sources.listed import Entry
    from lookalike.sources.precomputed import NamedRows

NPY_SUFFIX = ".npy"
_NAMES_SUFFIXES = (".parquet", ".csv", ".tsv", ".jsonl", ".txt")
_ID = "id"
_BOM = b"\xef\xbb\xbf"


def parquet_embeddings(spec: Any, column: str, *, base: Path) -> Source:
    """Return the embeddings in a column of Parquet tables, with what the other columns say of each.

    Parameters
    ----------
    spec : the path of a table, also as ``x.parquet#COLUMN`` to name the column of pictures; a glob pattern; or a list
        of these.
    column : with the embeddings: lists of numbers.
    base : the folder that holds the gallery. Ids, URIs and attributes are those of
        :func:`lookalike.sources.table.table_source`; without a column of pictures, ids are those of the column ``id``,
        and else ``TABLE#ROW``.

    Raises
    ------
    SourceError : if a table cannot be read.
    InputError : if it is no Parquet table, or has no such column of embeddings.
    """
    specs = list(spec) if isinstance(spec, (list, tuple)) else [spec]
    names = [name for one in specs for name in _expanded(one)]
    opened = open_all(names, lambda name: _open_parquet(name, column, base))
    if not opened:
        msg = "no table of embeddings was named; name Parquet files"
        raise InputError(msg)
    return combined(opened)


def npy_embeddings(path: Path, *, base: Path) -> PrecomputedSource:
    """Return the embeddings in an array that ``numpy.save`` wrote, shape (n, dim), one a row.

    What each row is stands in a file beside it that differs in the suffix alone, row for row: a table (``.parquet``,
    ``.csv``, ``.tsv``, ``.jsonl``) as :func:`parquet_embeddings` takes it, or paths and URLs, one a line (``.txt``).
    Without one, ids are ``ARRAY#ROW``, counted from 0.

    Raises
    ------
    SourceError : if the array or the file beside it cannot be read.
    InputError : if there are several files beside it.
    """
    from lookalike.sources.vector_rows import npy_vectors

    vectors = npy_vectors(path)
    beside = [path.with_suffix(suffix) for suffix in _NAMES_SUFFIXES if path.with_suffix(suffix).is_file()]
    if len(beside) > 1:
        names = " and ".join(found.name for found in beside)
        msg = f"{printable(str(path))}: both {names} may say what its rows are; leave one of them beside it"
        raise InputError(msg)
    rows = _numbered(path, vectors.count, base) if not beside else _named_rows(beside[0], None, base)
    place = anchored(path, base)
    return PrecomputedSource(printable(place), rows, vectors, owner=item_id(place, base))


def _expanded(spec: Any) -> Sequence[str]:
    if not isinstance(spec, (str, Path)):
        msg = f"embeddings are read from Parquet files, not from a {type(spec).__qualname__}; name a file"
        raise InputError(msg)
    text = os.path.expanduser(original(str(spec)))  # noqa: PTH111 - never raises
    if os.path.exists(text) or not is_pattern(text):  # noqa: PTH110 - never raises
        return [text]
    found = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not found:
        raise SourceGoneError(printable(text), "matches no files")
    return found


def _open_parquet(spec: str, column: str, base: Path) -> PrecomputedSource:
    from lookalike.sources.vector_rows import ParquetVectors

    named = split_table(spec)
    name, image = (spec, None) if named is None or Path(spec).is_file() else named
    path = Path(name)
    if not path.is_file():
        raise missing(name)
    if path.suffix.lower() != ".parquet":
        msg = f"{printable(name)}: embeddings are read from columns of Parquet tables, or from .npy arrays"
        raise InputError(msg)
    vectors = ParquetVectors(path, column)
    place = anchored(path, base)
    owner = f"{item_id(place, base)}#{column}"
    return PrecomputedSource(printable(place), _named_rows(path, image, base), vectors, owner=owner)


def _named_rows(path: Path, image: str | None, base: Path) -> NamedRows:
    """Return what a table or a list says of each row."""
    if path.suffix.lower() == ".txt":
        return _lines(path, base)
    from lookalike.sources.table_columns import image_column
    from lookalike.sources.table_files import open_table

    if image is None and image_column(open_table(path).columns) is None:
        return _identified(path, base)
    rows = table_source(path, image, base=base)
    if not isinstance(rows, (ListedSource, RowsSource)):
        raise TypeError(type(rows))
    return rows


def _numbered(path: Path, count: int, base: Path) -> NamedRows:
    place = anchored(path, base)
    prefix, uri = item_id(place, base), f"table:{printable(place)}"
    return BareRows(uri, lambda: (ImageRef(f"{prefix}#{row}", f"{uri}#{row}") for row in range(count)))


def _identified(path: Path, base: Path) -> NamedRows:
    """Return the rows of a table without pictures, by the column ``id`` if it has one."""
    from lookalike.sources.table_columns import attribute_columns
    from lookalike.sources.table_files import ParquetTable, open_table, plain_type

    table = open_table(path)
    key = next((name for name, kind in table.columns.items() if name.lower() == _ID and plain_type(kind)), None)
    columns = attribute_columns(table.columns, table.metadata if isinstance(table, ParquetTable) else {}, beside=key)
    place = anchored(path, base)
    prefix, uri = item_id(place, base), f"table:{printable(place)}"

    def refs() -> Iterator[ImageRef]:
        for number, row in enumerate(table.rows([*([key] if key else []), *columns.attributes])):
            found = None if key is None else row[key]
            name = f"{prefix}#{number}" if found in (None, "") else str(found)
            yield ImageRef(name, f"{uri}#{number}", columns.attributes_of(row))

    return BareRows(uri, refs)


def _lines(path: Path, base: Path) -> NamedRows:
    place = anchored(path, base)

    def entries() -> Iterator[Entry]:
        try:
            with path.open("rb") as file:
                for number, line in enumerate(file):
                    text = line.removeprefix(_BOM) if number == 0 else line
                    yield os.fsdecode(text.rstrip(b"\r\n")), {}
        except OSError as error:
            raise SourceError(printable(place), error.strerror or "cannot be read") from error

    return ListedSource(ListName(item_id(place, base), printable(place)), entries, folder=path.parent, base=base)
