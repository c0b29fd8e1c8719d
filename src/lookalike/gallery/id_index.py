"""A sorted index over the ids of a table, so that who looks some up reads a few pages and not all ids.

A version has it as it has its rows. What was written since it was made is looked through, and merged into it in time.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import lance

_NAME = "ids"
_FEW_ROWS = 10_000
"""Are looked through in a millisecond."""
_SHARE = 0.05


def index_ids(table: lance.LanceDataset, *, even_few: bool = False) -> None:
    """Make the index, or bring it up to date, once the rows that it lacks are many; ``table`` has it then.

    Parameters
    ----------
    table : at its newest version.
    even_few : bring an index up to date for a single row.

    Raises
    ------
    OSError, RuntimeError : if it cannot be written.
    """
    rows = table.count_rows()
    if rows < _FEW_ROWS:
        return
    is_there = any(index.name == _NAME for index in table.describe_indices())
    missing = table.stats.index_stats(_NAME)["num_unindexed_rows"] if is_there else rows
    if missing == 0 or (not even_few and missing < max(_FEW_ROWS, _SHARE * rows)):
        return
    if is_there:
        table.optimize.optimize_indices(index_names=[_NAME])
    else:
        table.create_scalar_index("id", "BTREE", name=_NAME)
    _check(table, rows)


def drop_damaged_index(table: lance.LanceDataset) -> None:
    """Drop the index if its files are missing or cut off: it can be made again, and writers look ids up in it."""
    if any(index.name == _NAME for index in table.describe_indices()):
        try:
            table.to_table(columns=[], filter="id = ''", with_row_id=True)
        except (OSError, RuntimeError, ValueError):
            table.drop_index(_NAME)


def _check(table: lance.LanceDataset, rows: int) -> None:
    """Read the whole index, and drop it if it was cut off: a failed last write to a file may not be told of."""
    try:
        found = table.scanner(columns=[], filter="id >= ''", with_row_id=True).count_rows()
    except (OSError, RuntimeError, ValueError):
        table.drop_index(_NAME)
        raise
    if found != rows:
        table.drop_index(_NAME)
        reason = f"an index finds {found} of {rows} rows"
        raise OSError(errno.EIO, reason)
