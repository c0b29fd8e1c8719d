"""All rows of a gallery, in the order of ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.search.row_reading import read_rows
from lookalike.search.snapshot import newest_snapshot
from lookalike.search.upkeep import write_if_allowed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.gallery.lance_store import LanceStore

    RowIds = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one version of a gallery."""

    store: LanceStore
    """Reads that version."""
    row_ids: RowIds
    """Shape (n,): the stable ids."""
    vectors: Vectors
    """Shape (n, dim)."""

    def __len__(self) -> int:
        return len(self.row_ids)

    def values(self, column: str) -> Iterator[tuple[Positions, list[Any]]]:
        """Yield the values of a column and the positions of their rows here, batch by batch in no certain order."""
        by_id = np.argsort(self.row_ids)
        for batch in self.store.scan([column]):
            positions = by_id[np.searchsorted(self.row_ids, batch["_rowid"].to_numpy(), sorter=by_id)]
            yield positions, batch[column].to_pylist()


def all_rows(store: LanceStore) -> Rows:
    """Return all rows as they are now: mapped from a file, or in memory where none can be written beside the gallery.

    Raises
    ------
    StoreError : if the gallery cannot be read.
    """
    store.refresh()
    pinned = store.pinned()
    snapshot = newest_snapshot(pinned)
    if snapshot is None or snapshot.version != pinned.version:
        write_if_allowed(pinned)
        snapshot = newest_snapshot(pinned)
    if snapshot is None or snapshot.version != pinned.version:
        return Rows(pinned, *read_rows(pinned))
    return Rows(pinned, snapshot.row_ids, snapshot.vectors)
