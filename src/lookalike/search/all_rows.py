"""All rows of a gallery, in the order of ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lookalike.gallery.lance_store import embedding_matrix
from lookalike.gallery.record import EMBEDDING
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


def read_rows(store: LanceStore, *, newer_than: int | None = None) -> tuple[RowIds, Vectors]:
    """Read the stable ids and the embeddings of rows into memory, in the order of their ids.

    Parameters
    ----------
    store : the gallery.
    newer_than : only rows written after that version.

    Returns
    -------
    Shapes (n,) and (n, dim).
    """
    batches = list(store.scan(["id", EMBEDDING], newer_than=newer_than))
    if not batches:
        return np.empty(0, np.uint64), np.empty((0, store.manifest.dim), np.float32)
    order = pc.sort_indices(pa.chunked_array([batch["id"] for batch in batches])).to_numpy()
    vectors = np.concatenate([embedding_matrix(batch[EMBEDDING]) for batch in batches])[order]
    row_ids = np.concatenate([batch["_rowid"].to_numpy() for batch in batches])[order]
    return row_ids, vectors
