"""Writes to a table, each one atomic commit that is made only if the files it brings are whole.

The table format closes a data file without hearing of an error in the last write to it (seen in pylance 14), so that a
file which was cut off, on a full disk say, could be committed. Therefore sizes are compared before each commit.

All functions raise OSError, RuntimeError or ValueError if they fail, and leave the table as it was.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lance
from lance.fragment import write_fragments
from lance.optimize import Compaction

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa


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
    """Merge small files into large ones; ``table`` is at the new version then."""
    # the defaults read so many rows at once that memory would grow with the gallery for long
    plan = Compaction.plan(table, options={"batch_size": 1024, "num_threads": 1})
    rewritten = [task.execute(table) for task in plan.tasks]
    _check_whole(table, (fragment for result in rewritten for fragment in result.new_fragments))
    Compaction.commit(table, rewritten)


def _check_whole(table: lance.LanceDataset, fragments: Iterable[Any]) -> None:
    folder = Path(table.uri) / "data"
    for fragment in fragments:
        for file in fragment.files:
            written = (folder / file.path).stat().st_size
            if file.file_size_bytes not in (None, written):
                reason = f"only {written} of {file.file_size_bytes} bytes could be written to a file"
                raise OSError(errno.EIO, reason)
