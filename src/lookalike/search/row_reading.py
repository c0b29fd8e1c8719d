"""Rows of a gallery, read into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lookalike.gallery.lance_store import embedding_matrix
from lookalike.gallery.record import EMBEDDING

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.gallery.lance_store import LanceStore

    RowIds = npt.NDArray[np.uint64]


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
