"""Writes to a table, each one atomic commit that is made only if the files it brings are whole.

The table format closes a data file without hearing of an error in the last write to it (seen in pylance 14), so that a
file which was cut off, on a full disk say, could be committed. Therefore sizes are compared before each commit.

All functions raise OSError, RuntimeError or ValueError if they fail, and leave the table as it was.
"""

from __future__ import annotations

import errno
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lance
from lance.file import LanceFileReader
from lance.fragment import write_fragments
from lance.optimize import Compaction

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import pyarrow as pa

_REWRITING = {
    # large enough for quick scans; files of this size are left alone, so that a row is rewritten a few times only
    "target_rows_per_fragment": 65_536,
    # the defaults read so many rows at once that memory would grow with the gallery for long
    "batch_size": 128,
    "num_threads": 1,
    "io_buffer_size": 4 << 20,
    "binary_copy_read_batch_bytes": 1 << 20,
}


def append(table: lance.LanceDataset, rows: pa.Table) -> lance.LanceDataset:
    """Add rows, and return the table as it is then."""
    transaction = write_fragments(rows, table, mode="append", return_transaction=True)
    _check_whole(table, transaction.operation.fragments)
    return lance.LanceDataset.commit(table, transaction)


def merge(table: lance.LanceDataset, rows: pa.Table) -> lance.LanceDataset:
    """Replace the rows of the same ids, add the others, and return the table as it is then."""
    builder = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
    transaction, _ = builder.execute_uncommitted(rows)
    _check_whole(table, transaction.operation.new_fragments)
    return lance.LanceDataset.commit(table, transaction)


def compact(table: lance.LanceDataset) -> None:
    """Merge small files into large ones, in a fixed amount of memory; ``table`` is at the new version then."""
    options = _REWRITING
    plan = Compaction.plan(table, options=options)
    if all(_is_complete(fragment, table) for task in plan.tasks for fragment in task.fragments):
        plan = Compaction.plan(table, options={**options, "compaction_mode": "try_binary_copy"})
    if not plan.tasks:
        return
    rewritten = [task.execute(table) for task in plan.tasks]
    merged = [fragment for result in rewritten for fragment in result.new_fragments]
    _check_whole(table, merged)
    _check_readable(table, merged)
    Compaction.commit(table, rewritten)


def drop_replaced(table: lance.LanceDataset, *, before: datetime) -> None:
    """Drop the versions in whose place another came before that time; how old they were then does not matter."""
    # "older_than" of the table format itself goes by when a version was made, and drops one that was just replaced
    versions = table.versions()
    since = before.timestamp()  # of clocks that are put forward or back
    replaced = [old["version"] for old, new in itertools.pairwise(versions) if new["timestamp"].timestamp() < since]
    if replaced:
        table.cleanup_old_versions(versions=replaced)


def _is_complete(fragment: Any, table: lance.LanceDataset) -> bool:
    """Say whether the pages of a fragment may be copied as they are: in less memory and time than encoding them anew.

    Copying mixes columns up if a file lacks one that was added later, or has them in another order
    (https://github.com/lance-format/lance/pull/8479, https://github.com/lance-format/lance/issues/8501).
    """
    columns = [field.id() for field in table.lance_schema.fields()]
    in_order = [(file.fields, file.column_indices) for file in fragment.files] == [(columns, list(range(len(columns))))]
    return in_order and fragment.deletion_file is None and not fragment.overlays


def _check_whole(table: lance.LanceDataset, fragments: Iterable[Any]) -> None:
    folder = Path(table.uri) / "data"
    for fragment in fragments:
        for file in fragment.files:
            written = (folder / file.path).stat().st_size
            if file.file_size_bytes not in (None, written):
                reason = f"only {written} of {file.file_size_bytes} bytes could be written to a file"
                raise OSError(errno.EIO, reason)


def _check_readable(table: lance.LanceDataset, fragments: Iterable[Any]) -> None:
    """Open each file, for what was copied comes without its size: one that was cut off lacks the end that is read."""
    folder = Path(table.uri) / "data"
    for fragment in fragments:
        for file in fragment.files:
            rows = LanceFileReader(str(folder / file.path)).metadata().num_rows
            if rows != fragment.physical_rows:
                reason = f"only {rows} of {fragment.physical_rows} rows could be written to a file"
                raise OSError(errno.EIO, reason)
