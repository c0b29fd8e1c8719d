"""When the snapshot and the index of a gallery are made anew, and which of those that are there are used."""

from __future__ import annotations

import contextlib
from enum import Enum
from typing import TYPE_CHECKING, Any

from lookalike.errors import BackendMissingError, InputError, RemoteError, StoreError, UnknownNameError
from lookalike.metric import Metric
from lookalike.search.calibration import FEWEST, calibrate, known_calibration
from lookalike.search.index_plan import plan_of
from lookalike.search.index_servers import drop_unused
from lookalike.search.ready_index import FOLDER, drop_unplanned, known_of, read_index, wants_index, write_index
from lookalike.search.snapshot import changed_since, newest_snapshot, remove_older, write_snapshot
from lookalike.search.view import open_view

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


def renew(
    store: LanceStore, report: Callable[[str], None] = lambda _: None, *, even_if_little_changed: bool = False
) -> None:
    """Write the snapshot, the indexes and the calibration of the newest version, as far as they have fallen behind.

    Searches go on meanwhile, over the snapshot and the index of an older version and all rows that came later. An index
    that cannot be built is told of, and the gallery is searched exactly.

    Parameters
    ----------
    store : the gallery, of which the caller holds the writer lock.
    report : told what is being done.
    even_if_little_changed : renew them for a single row that was written or removed since.

    Raises
    ------
    OSError : if the gallery's folder cannot be written.
    """
    store.refresh()
    store.index_ids(even_few=even_if_little_changed)
    pinned = store.pinned()
    snapshot = newest_snapshot(pinned, with_sums=False)
    is_behind = not _holds_all(pinned, snapshot) if even_if_little_changed else lag_of(pinned, snapshot) is not Lag.NONE
    if is_behind:
        write_snapshot(pinned)
        snapshot = newest_snapshot(pinned, with_sums=False)
    if snapshot is None:
        return
    plan = plan_of(pinned)
    if wants_index(plan, snapshot) and read_index(pinned, snapshot, plan) is None:
        if not _holds_all(pinned, snapshot):
            write_snapshot(pinned)
            snapshot = newest_snapshot(pinned, with_sums=False) or snapshot
        try:
            write_index(store, snapshot, plan, report=report)
        except (InputError, UnknownNameError, BackendMissingError, RemoteError) as error:
            report(f"the index {plan.spec} is not built, and the gallery is searched exactly: {error}")
    remove_older(pinned, than=snapshot.version)
    drop_unplanned(store)
    drop_unused(store)
    if len(pinned) >= FEWEST and known_calibration(pinned, snapshot) is None:
        calibrate(open_view(pinned, snapshot, Metric.COSINE))


def write_if_allowed(store: LanceStore) -> None:
    """Write the snapshot of the version that the store reads; older ones stay as long as they have an index."""
    # a reader may not be allowed to write beside the gallery, or the gallery may be removed meanwhile
    with contextlib.suppress(OSError, StoreError):
        write_snapshot(store)
        remove_older(store, than=store.version, unless_holding=FOLDER)


def best_snapshot(store: LanceStore, *, known: Snapshot | None = None, with_sums: bool = True) -> Snapshot | None:
    """Return the newest snapshot with the index that the gallery is to have, unless it is far behind, else the newest.

    The bytes of one that is searched through an index, which reads few of them, are not compared with their sums.
    """
    if wants_index(plan_of(store), newest_snapshot(store, known=known, with_sums=False)):
        indexed = newest_snapshot(store, known=known, with_sums=False, holding=FOLDER)
        if indexed is not None and lag_of(store, indexed) is not Lag.TOO_MUCH:
            return indexed
    return newest_snapshot(store, known=known, with_sums=with_sums)


def index_in_use(store: LanceStore) -> dict[str, Any]:
    """Return which index the gallery is to have and which one answers now, with its recall, as JSON-ready values."""
    plan, snapshot = plan_of(store), best_snapshot(store, with_sums=False)
    known = known_of(snapshot, plan) if snapshot is not None and wants_index(plan, snapshot) else None
    if known is None:
        return {"plan": plan.spec, "index": "exact", "recall": 1.0}
    return {"plan": plan.spec, "index": known["index"], "recall": known["recall"], "bytes": known["bytes"]}


def lag_of(store: LanceStore, snapshot: Snapshot | None) -> Lag:
    """Return how far a snapshot is behind the version that the store reads."""
    if snapshot is None:
        return Lag.TOO_MUCH if len(store) > 0 else Lag.NONE
    tail, removed = changed_since(store, snapshot.version, len(snapshot.row_ids))
    if tail + removed <= max(_TAIL_ROWS, _TAIL_SHARE * len(store)):
        return Lag.NONE
    return Lag.SOME if tail <= _MOST_TAIL_ROWS else Lag.TOO_MUCH


def _holds_all(store: LanceStore, snapshot: Snapshot | None) -> bool:
    """Say whether a snapshot is of the very rows of the version that the store reads."""
    return snapshot is not None and not any(changed_since(store, snapshot.version, len(snapshot.row_ids)))
