"""Bring the files of a gallery in order, and what is searched up to date with its rows."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lookalike.gallery.lance_errors import store_errors
from lookalike.gallery.lock import waiting_for, writer_lock
from lookalike.gallery.skipped_store import SkippedStore
from lookalike.search.snapshot import newest_snapshot, remove_leftovers
from lookalike.search.upkeep import index_in_use, renew

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.gallery.lance_store import LanceStore


@dataclass(frozen=True, slots=True)
class Optimized:
    """How a gallery is searched after :func:`optimize`."""

    index: str
    """The spec of the index that answers; ``exact`` where all rows are compared."""
    rows: int
    recall: float
    """Recall@k that was measured on rows of the gallery; 1 for exact search."""
    seconds: float
    """That the work took."""
    bytes: int
    """The size of the index; of the embeddings where there is none."""

    def to_dict(self) -> dict[str, Any]:
        """Return these as JSON-ready values."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}


def optimize(store: LanceStore, report: Callable[[str], None] = lambda _: None) -> Optimized:
    """Merge the table's files, and write the snapshot and the index anew if a single row has changed.

    Searches go on meanwhile. If it is interrupted, the gallery is searched as before.

    Parameters
    ----------
    store : the gallery.
    report : told what is being done.

    Raises
    ------
    StoreError : if the gallery cannot be written.
    """
    started = time.perf_counter()
    location = store.location
    with writer_lock(location, on_wait=lambda holder: report(waiting_for(holder))), store_errors(location):
        store.refresh()
        remove_leftovers(store)
        report(f"bringing the files and the snapshot of {len(store):,} images up to date")
        store.optimise(even_few=True)
        SkippedStore(location).optimise()
        renew(store, report, even_if_little_changed=True)
        found = index_in_use(store)
        snapshot = newest_snapshot(store, with_sums=False)
    embeddings = 0 if snapshot is None else int(snapshot.vectors.nbytes)
    seconds = time.perf_counter() - started
    return Optimized(found["index"], len(store), found["recall"], seconds, found.get("bytes", embeddings))
