"""An approximate index of a snapshot's rows, kept in the snapshot's folder and opened with what was measured of it."""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from lookalike.errors import LookalikeError
from lookalike.gallery.record import EMBEDDING
from lookalike.indexes.exact import ExactIndex, is_quick
from lookalike.search.index_plan import AUTO, EXACT, IndexPlan, plan_of
from lookalike.search.index_servers import claim

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.indexes.approximate import ApproximateIndex
    from lookalike.indexes.base import Neighbors
    from lookalike.indexes.tuning import Tuned
    from lookalike.search.snapshot import Snapshot

FOLDER = "index"
_GROWN = 4
"""How many times the rows that parameters were found for may there be before they are found anew."""
_FILES, _ABOUT = "files", "ready.json"


@dataclass(frozen=True, slots=True)
class ReadyIndex:
    """An approximate index with the search parameters and the recall that were found for it."""

    index: ApproximateIndex
    parameters: Mapping[str, float]
    recall: float
    """Recall@k that was measured on rows of the gallery."""

    @property
    def name(self) -> str:
        """The spec of the index."""
        return str(self.index.spec)

    def search(self, queries: Vectors, k: int, allowed: npt.NDArray[Any] | None = None) -> Neighbors:
        """Search with the parameters that were found; see :meth:`lookalike.indexes.base.Index.search`."""
        return self.index.search(queries, k, allowed, parameters=self.parameters)


def wants_index(plan: IndexPlan, snapshot: Snapshot | None) -> bool:
    """Say whether a plan asks for an approximate index over the rows of a snapshot."""
    if plan.spec == EXACT or snapshot is None or len(snapshot.row_ids) == 0:
        return False
    return plan.spec != AUTO or not is_quick(snapshot.vectors)


def read_index(store: LanceStore, snapshot: Snapshot, plan: IndexPlan) -> ReadyIndex | None:
    """Open the index of a snapshot's rows that was built for this plan; None if there is none that can be used."""
    about = known_of(snapshot, plan)
    if about is None:
        return None
    from lookalike.indexes.building import is_in_table, load_index

    try:
        rows = table_of(store, snapshot) if is_in_table(about["index"]) else snapshot.vectors
        index = load_index(snapshot.path / FOLDER / _FILES, rows)
        if isinstance(index, ExactIndex):
            return None
        return ReadyIndex(index, about["parameters"], float(about["recall"]))
    except (OSError, ValueError, KeyError, TypeError, LookalikeError):
        return None  # it can be built again


def write_index(
    store: LanceStore, snapshot: Snapshot, plan: IndexPlan, *, report: Callable[[str], None] = lambda _: None
) -> None:
    """Build the index of a snapshot's rows that a plan asks for, and measure it.

    Parameters that were found for fewer rows are found anew, and noted in the gallery, if it has grown to four times
    their number or if they do not reach the recall any more.

    Parameters
    ----------
    store : the gallery, of which the caller holds the writer lock.
    snapshot : the rows.
    plan : which index.
    report : told what is being done.

    Raises
    ------
    InputError : if the index cannot be built over these rows, or would not fit into this machine.
    BackendMissingError : if its library is not installed.
    RemoteError : if it needs a server that cannot be reached.
    OSError : if the folder cannot be written.
    """
    from lookalike.indexes.tuning import Goal, Tuner

    table = partial(table_of, store, snapshot)
    goal = Goal(plan.recall, plan.k)
    tuner = Tuner(snapshot.vectors, goal=goal, report=report, table=table, folder=snapshot.path)
    rows = len(snapshot.row_ids)
    has_grown = plan.tuned_rows > 0 and rows >= _GROWN * plan.tuned_rows
    if plan.spec == AUTO:
        tuned = tuner.choose()
    elif has_grown:
        tuned = tuner.tune(plan.spec)
    elif plan.tuned_rows:
        tuned = tuner.keep_up(plan.spec, plan.parameters)
    else:
        tuned = tuner.measure(plan.spec, plan.parameters)
    if has_grown or (plan.tuned_rows and tuned.parameters != plan.parameters):
        plan = replace(plan, parameters=dict(tuned.parameters), tuned_rows=rows)
    keep_index(store, snapshot, plan, tuned)
    if plan != plan_of(store):
        store.describe(replace(store.manifest, index=plan.to_dict()))


def keep_index(store: LanceStore, snapshot: Snapshot, plan: IndexPlan, tuned: Tuned) -> None:
    """Put an index into the snapshot's folder, in place of the one that is there.

    Raises
    ------
    RemoteError : if the index is on a server that cannot be reached any more.
    OSError : if the folder cannot be written.
    """
    if isinstance(tuned.index, ExactIndex):
        return
    claim(store, tuned.index)
    unfinished = snapshot.path / f"partial-{uuid.uuid4().hex}"
    unfinished.mkdir()
    try:
        tuned.index.save(unfinished / _FILES)
        about = {**tuned.to_dict(), "plan": plan.to_dict()}
        (unfinished / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
        remove_index(snapshot)
        unfinished.rename(snapshot.path / FOLDER)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def remove_index(snapshot: Snapshot) -> None:
    """Remove the index of a snapshot's rows; who has it open keeps it."""
    old: Path = snapshot.path / FOLDER
    if old.is_dir():
        aside = snapshot.path / f"partial-{uuid.uuid4().hex}"
        old.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def known_of(snapshot: Snapshot, plan: IndexPlan) -> Mapping[str, Any] | None:
    """Return what was measured of the index of a snapshot's rows, without opening it; None if none is of this plan."""
    try:
        about: Mapping[str, Any] = json.loads((snapshot.path / FOLDER / _ABOUT).read_text(encoding="utf-8"))
        return about if IndexPlan.from_dict(about["plan"]) == plan else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def drop_unplanned(store: LanceStore) -> None:
    """Take an index out of the table that the gallery is not to have any more."""
    in_table = store.table.describe_indices()
    if not in_table:
        return
    from lookalike.indexes.building import is_in_table
    from lookalike.indexes.lance_backend import NAME

    plan = plan_of(store)
    is_wanted = plan.spec not in (AUTO, EXACT) and is_in_table(plan.spec)
    if not is_wanted and any(index.name == NAME for index in in_table):
        store.drop_index(NAME)


def table_of(store: LanceStore, snapshot: Snapshot) -> Vectors:
    """Return the rows of a snapshot, in its order, as they are read from the table itself; shape (n, dim)."""
    from lookalike.indexes.lance_rows import LanceRows

    table: Any = LanceRows(store.table, EMBEDDING, snapshot.row_ids)
    return cast("Vectors", table)
