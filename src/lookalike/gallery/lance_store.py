"""The gallery's rows in a Lance table (https://lancedb.github.io/lance).

Every write is one atomic commit that makes a new version; readers keep the version they opened. Rows have stable ids
(``enable_stable_row_ids``), which tie an index to them across updates and compaction.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import lance
import numpy as np
import pyarrow as pa

from lookalike.errors import InputError, StoreCorruptError, StoreError, StoreMissingError
from lookalike.gallery.commits import append, compact, drop_replaced, merge
from lookalike.gallery.id_index import drop_damaged_index, index_ids
from lookalike.gallery.lance_errors import message_of, store_error, store_errors
from lookalike.gallery.manifest import Manifest
from lookalike.gallery.record import EMBEDDING, INTERNAL, base_schema, new_columns, to_table
from lookalike.gallery.table_files import damage_of, versions_stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.gallery.location import Location
    from lookalike.gallery.record import Record

_IDS_PER_DELETE = 2_000
_FRAGMENTS_BEFORE_COMPACTION = 16
_KEEP_OLD_VERSIONS = timedelta(minutes=10)
"""From when a version was replaced: searches reopen the newest one, but pages go on with what they began with."""
_INDEX_CACHE = 16 << 20
_READING_CACHE, _WRITING_CACHE = 256 << 20, 16 << 20
"""Of what files say of their pages: 10 to 40 bytes a row. Where it does not fit, ten rows take ten times as long."""
_TRUST = 1.0
"""Seconds that the time of a folder is trusted: some remote file systems do not change it when a file comes in."""
_SCAN_ROWS = 1_024  # of embeddings these are a few MB, and several batches are in memory at once
_SCAN_IDS = 8 * _SCAN_ROWS
_FILE_ERROR = "LanceError(IO)"
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""What the table format takes in no path: control characters, and bytes that are not UTF-8."""


class LanceStore:
    """The items of one gallery.

    Any number of threads may read while one writes: a handle of the table is never changed, only replaced.
    """

    def __init__(self, location: Location, dataset: lance.LanceDataset, manifest: Manifest) -> None:
        self.location = location
        self.manifest = manifest
        self._dataset = dataset
        self._looked_at: tuple[int, ...] | None = None
        """How the folder of versions was when the newest of them was last looked up."""
        self._looked = 0.0
        self._looking = threading.Lock()

    @classmethod
    def create(cls, location: Location, manifest: Manifest) -> LanceStore:
        """Make an empty gallery.

        Raises
        ------
        StoreFullError : if the disk is full.
        StoreError : if the folder cannot be written.
        """
        manifest = replace(manifest, table=uuid.uuid4().hex)
        schema = base_schema(manifest.dim).with_metadata(manifest.to_metadata())
        path = _path(location)
        with store_errors(location):
            location.folder.mkdir(parents=True, exist_ok=True)
            # what was derived from an earlier table says nothing about this one, whose versions begin anew
            shutil.rmtree(location.indexes, ignore_errors=True)
            shutil.rmtree(location.tiles.folder, ignore_errors=True)
            empty = schema.empty_table()
            lance.write_dataset(empty, path, schema=schema, enable_stable_row_ids=True)
            dataset = lance.dataset(path, session=_session())
        return cls(location, dataset, manifest)

    @classmethod
    def open(cls, location: Location) -> LanceStore:
        """Open an existing gallery at its newest version.

        Raises
        ------
        StoreMissingError : if there is none.
        StoreVersionError : if a newer version of lookalike made it.
        StoreCorruptError : if it is damaged.
        """
        if not location.exists():
            raise StoreMissingError(str(location.folder))
        path = _path(location)
        with store_errors(location):
            any((location.rows / "_versions").iterdir())  # if it may not be read, lance tries for seconds
            dataset = lance.dataset(path, session=_session())
            metadata = dataset.schema.metadata
        return cls(location, dataset, Manifest.from_metadata(metadata, str(location.folder)))

    @property
    def version(self) -> int:
        """The version that this handle reads."""
        return int(self._dataset.version)

    @property
    def table(self) -> lance.LanceDataset:
        """The table at that version, for what searches it by itself."""
        return self._dataset

    @property
    def attributes(self) -> list[str]:
        """The names of the attributes, in the order of their columns."""
        return [name for name in self._dataset.schema.names if name not in INTERNAL]

    @property
    def schema(self) -> pa.Schema:
        """The columns and their types."""
        return self._dataset.schema

    def __len__(self) -> int:
        return int(self._dataset.count_rows())

    def pinned(self) -> LanceStore:
        """Return this gallery at this version, whatever becomes of it."""
        return LanceStore(self.location, self._dataset, self.manifest)

    def for_writing(self) -> LanceStore:
        """Return this gallery at its newest version for a long run of commits, which would fill a reader's cache."""
        with store_errors(self.location):
            dataset = lance.dataset(_path(self.location), session=_session(_WRITING_CACHE))
        return LanceStore(self.location, dataset, self.manifest)

    def at(self, version: int) -> LanceStore:
        """Return this gallery at an earlier version.

        Raises
        ------
        StoreError : if that is not kept any more.
        """
        with store_errors(self.location):
            dataset = lance.dataset(_path(self.location), version=version, session=self._dataset.session())
        return LanceStore(self.location, dataset, self.manifest)

    def refresh(self) -> None:
        """Move to the newest version."""
        with store_errors(self.location), self._looking:
            stamp, now = versions_stamp(self.location), time.monotonic()
            if stamp is not None and stamp == self._looked_at and now - self._looked < _TRUST:
                return  # listing a thousand versions takes longer than many a search
            if self._dataset.latest_version != self._dataset.version:
                self._dataset = self._newest()
                self.manifest = Manifest.from_metadata(self._dataset.schema.metadata, str(self.location.folder))
            self._looked_at, self._looked = stamp, now

    def describe(self, manifest: Manifest) -> None:
        """Replace what the gallery says of itself; only for who holds the writer lock.

        Raises
        ------
        StoreError : if the gallery cannot be written.
        """
        with self._writing() as dataset:
            metadata = {key.decode(): value.decode() for key, value in manifest.to_metadata().items()}
            dataset.update_schema_metadata(metadata)
        self.manifest = manifest

    def add(self, records: Sequence[Record], embeddings: Vectors) -> None:
        """Append items whose ids are not in the gallery, in one commit.

        Parameters
        ----------
        records : n new items.
        embeddings : shape (n, dim).

        Raises
        ------
        InputError : if an attribute has another type than its column.
        StoreError : if the gallery cannot be written.
        """
        with self._writing() as dataset:
            append(dataset, _as_stored(records, embeddings, dataset))

    def upsert(self, records: Sequence[Record], embeddings: Vectors) -> None:
        """Replace the items of the same ids, or add them, in one commit; see :meth:`add`."""
        with self._writing() as dataset:
            merge(dataset, _as_stored(records, embeddings, dataset))

    def delete(self, ids: Sequence[str]) -> int:
        """Remove the items of those ids and return how many there were."""
        before = len(self)
        with self._writing() as dataset:
            for start in range(0, len(ids), _IDS_PER_DELETE):
                dataset.delete(ids_filter(ids[start : start + _IDS_PER_DELETE]))
        return before - len(self)

    def restore(self, rows: pa.Table) -> None:
        """Put back rows that were read from this gallery, in one commit; what came in under their ids is replaced.

        Parameters
        ----------
        rows : with columns that the gallery has by now lacking, or that it has no more.

        Raises
        ------
        StoreError : if the gallery cannot be written, or is another one by now.
        """
        with self._writing() as dataset:
            schema = dataset.schema
            columns = [
                rows[field.name].cast(field.type)
                if field.name in rows.column_names
                else pa.nulls(len(rows), field.type)
                for field in schema
            ]
            merge(dataset, pa.Table.from_arrays(columns, schema=schema))

    def scan(
        self, columns: Sequence[str], *, where: str | None = None, newer_than: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield all rows in batches, in the order of the table, with their stable ids in the column ``_rowid``.

        Parameters
        ----------
        columns : the columns to read.
        where : a condition over the attributes in SQL, such as ``label = 'cat' and width > 400``.
        newer_than : only rows written after that version.

        Raises
        ------
        InputError : if the condition cannot be understood.
        StoreError : if the gallery cannot be read.
        """
        conditions = [f"({where})"] if where else []
        if newer_than is not None:
            conditions.append(f"_row_last_updated_at_version > {int(newer_than)}")
        try:
            yield from self._dataset.to_batches(
                columns=list(columns),
                filter=" and ".join(conditions) or None,
                with_row_id=True,
                batch_size=_SCAN_ROWS if columns else _SCAN_IDS,
                scan_in_order=True,
                batch_readahead=2,
                io_buffer_size=16 << 20,
            )
        except (OSError, ValueError, RuntimeError) as error:
            if where and _FILE_ERROR not in str(error):
                known = ", ".join(["id", *self.attributes])
                msg = f"the condition {where!r} cannot be used ({message_of(error)}); the attributes are: {known}"
                raise InputError(msg) from error
            raise store_error(self.location, error) from error

    def row_ids(self, *, where: str | None = None) -> npt.NDArray[np.uint64]:
        """Return the stable ids of all rows, or of those that a condition selects; shape (n,), uint64."""
        parts = [batch["_rowid"].to_numpy() for batch in self.scan([], where=where)]
        return np.concatenate(parts) if parts else np.empty(0, np.uint64)

    def take(self, row_ids: npt.NDArray[np.uint64], columns: Sequence[str]) -> pa.Table:
        """Return the rows of those stable ids that still exist, with the column ``_rowid``, in no certain order."""
        with store_errors(self.location):
            return self._dataset._take_rows(row_ids.tolist(), columns=[*columns, "_rowid"])

    def take_in_order(self, row_ids: npt.NDArray[np.uint64], columns: Sequence[str]) -> pa.Table:
        """Return existing rows in the order of ``row_ids``, with the column ``_rowid``.

        Raises
        ------
        KeyError : if one of them does not exist.
        """
        table = self.take(row_ids, columns)
        found = table["_rowid"].to_numpy()
        missing = row_ids[~np.isin(row_ids, found)]
        if len(missing):
            raise KeyError(int(missing[0]))
        by_id = np.argsort(found)
        return table.take(by_id[np.searchsorted(found[by_id], row_ids)])

    def find(self, item_id: str, columns: Sequence[str]) -> pa.Table:
        """Return the row of an item, as a table of one row or none."""
        with store_errors(self.location):
            read = partial(
                self._dataset.to_table, columns=list(columns), filter=ids_filter([item_id]), with_row_id=True
            )
            try:
                return read()
            except (OSError, RuntimeError, ValueError):  # the index over ids may be damaged, and the rows whole
                return read(use_scalar_index=False)

    def has(self, item_id: str) -> bool:
        """Say whether there is an item of that id."""
        return len(self.find(item_id, [])) > 0

    def embeddings(self, row_ids: npt.NDArray[np.uint64]) -> Vectors:
        """Return the embeddings of existing rows in the order of ``row_ids``; shape (n, dim), float32."""
        return embedding_matrix(self.take_in_order(row_ids, [EMBEDDING])[EMBEDDING])

    def optimise(self, *, even_few: bool = False) -> None:
        """Merge the small files that many commits leave, and drop versions that nobody reads any more.

        Parameters
        ----------
        even_few : merge a few files too, and drop what deleted rows leave in them.
        """
        with self._writing() as dataset:
            if even_few or len(dataset.get_fragments()) > _FRAGMENTS_BEFORE_COMPACTION:
                compact(dataset)
            drop_replaced(dataset, before=datetime.now() - _KEEP_OLD_VERSIONS)

    def index_ids(self, *, even_few: bool = False) -> None:
        """Let ids be found without looking through them all; see :func:`lookalike.gallery.id_index.index_ids`."""
        with self._writing() as dataset:
            index_ids(dataset, even_few=even_few)

    def drop_damaged_index(self) -> None:
        """Do without the index over ids if it is damaged; only for who holds the writer lock."""
        with self._writing() as dataset:
            drop_damaged_index(dataset)

    def check(self) -> None:
        """Look whether the files of the rows are there and have their sizes, without reading them.

        Raises
        ------
        StoreCorruptError : if one is missing or cut off.
        """
        with store_errors(self.location):
            reason = damage_of(self._dataset)
        if reason is not None:
            raise StoreCorruptError(str(self.location.folder), reason)

    def drop_index(self, name: str) -> None:
        """Remove an index that is part of the table."""
        with self._writing() as dataset:
            dataset.drop_index(name)

    def nbytes(self) -> int:
        """Return the size on disk of the gallery and all its indexes, in bytes."""
        total = 0
        for path in self.location.folder.rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # a writer may be tidying up
                total += path.stat().st_size if path.is_file() else 0
        return total

    def _newest(self) -> lance.LanceDataset:
        return lance.dataset(_path(self.location), session=self._dataset.session())

    @contextmanager
    def _writing(self) -> Iterator[lance.LanceDataset]:
        """Lend a handle of the newest version to be written with, and read the version that this makes."""
        with store_errors(self.location):
            yield self._newest()
            self._dataset, self._looked_at = self._newest(), None


def _as_stored(records: Sequence[Record], embeddings: Vectors, dataset: lance.LanceDataset) -> pa.Table:
    missing = new_columns(records, dataset.schema)
    if missing:
        dataset.add_columns(missing)
    return to_table(records, embeddings, dataset.schema)


def _session(cache: int = _READING_CACHE) -> lance.Session:
    # the default caches grow by what each commit writes, to gigabytes
    return lance.Session(index_cache_size_bytes=_INDEX_CACHE, metadata_cache_size_bytes=cache)


def _path(location: Location) -> str:
    path = str(location.rows)
    if _NO_TEXT.search(path):
        msg = f"{str(location.folder)!r} cannot be a gallery: its path is not plain text; choose another with --gallery"
        raise StoreError(msg)
    return path


def ids_filter(ids: Sequence[str]) -> str:
    """Return the condition that selects the rows of those ids."""
    quoted = ", ".join("'" + item_id.replace("'", "''") + "'" for item_id in ids)
    return f"id IN ({quoted})"


def embedding_matrix(column: pa.ChunkedArray | pa.Array) -> Vectors:
    """Return a column of embeddings as a matrix; shape (n, dim), float32."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return np.asarray(array.flatten().to_numpy(zero_copy_only=False).reshape(len(array), -1), dtype=np.float32)
