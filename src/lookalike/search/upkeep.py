"""When the snapshot and the index of a gallery are made anew, and which of those that are there are used."""

from __future__ import annotations

import contextlib
from enum import Enum
from typing import TYPE_CHECKING

from lookalike.errors import StoreError
from lookalike.search.index_plan import plan_of
from lookalike.search.ready_index import FOLDER, read_index, wants_index, write_index
from lookalike.search.snapshot import newest_snapshot, remove_older, write_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.gallery.lance_store import LanceStore
    from lookalike.search.snapshot import Snapshot

_TAIL_ROWS = 2_000
_TAIL_SHARE = 0.05
_MOST_TAIL_ROWS = 20_000
"""Read into memory by each process that searches; of more, the snapshot is waited for."""


class Lag(Enum):
    """How far a snapshot is behind."""

    NONE = 0
    SOME = 1
    TOO_MUCH = 2


def renew(store: LanceStore, report: Callable[[str], None] = lambda _: None) -> None:
    """Write the snapshot of the newest version, and the index that the gallery is to have, if they have fallen behind.

    Searches go on meanwhile, over the snapshot and the index of an older version and all rows that came later.

    Parameters
    ----------
    store : the gallery.
    report : told what is being done.

    Raises
    ------
    OSError : if the gallery's folder cannot be written.
    InputError : if the index cannot be built over these rows.
    """
    store.refresh()
    store = store.pinned()
    snapshot = newest_snapshot(store, with_sums=False)
    if lag_of(store, snapshot) is not Lag.NONE:
        write_snapshot(store, keeps_older=True)
        snapshot = newest_snapshot(store, with_sums=False)
    plan = plan_of(store)
    if snapshot is None:
        return
    if wants_index(plan, snapshot) and read_index(store, snapshot, plan) is None:
        write_index(store, snapshot, plan, report=report)
    remove_older(store, than=snapshot.version)


def write_if_allowed(store: LanceStore) -> None:
    """Write the snapshot of the version that the store reads; those with an index that is still wanted are kept."""
    # a reader may not be allowed to write beside the gallery, or the gallery may be removed meanwhile
    with contextlib.suppress(OSError, StoreError):
        write_snapshot(store, keeps_older=newest_snapshot(store, with_sums=False, holding=FOLDER) is not None)


def best_snapshot(store: LanceStore, *, known: Snapshot | None = None) -> Snapshot | None:
    """Return the newest snapshot with the index that the gallery is to have, else the newest."""
    if wants_index(plan_of(store), newest_snapshot(store, known=known, with_sums=False)):
        # few of its rows are read, so they are not all compared with their sums
        indexed = newest_snapshot(store, known=known, with_sums=False, holding=FOLDER)
        if indexed is not None:
            return indexed
    return newest_snapshot(store, known=known)


def lag_of(store: LanceStore, snapshot: Snapshot | None) -> Lag:
    """Return how far a snapshot is behind the version that the store reads."""
    if snapshot is None:
        return Lag.TOO_MUCH if len(store) > 0 else Lag.NONE
    if snapshot.version == store.version:
        return Lag.NONE
    tail = sum(len(batch) for batch in store.scan([], newer_than=snapshot.version))
    removed = max(0, len(snapshot.row_ids) + tail - len(store))
    if tail + removed <= max(_TAIL_ROWS, _TAIL_SHARE * len(store)):
        return Lag.NONE
    return Lag.SOME if tail <= _MOST_TAIL_ROWS else Lag.TOO_MUCH
