"""An approximate index of a snapshot's rows, kept in the snapshot's folder and opened with what was measured of it."""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from lookalike.errors import IndexUnusableError, LookalikeError
from lookalike.gallery.record import EMBEDDING
from lookalike.indexes.exact import ExactIndex
from lookalike.metric import Metric
from lookalike.search.index_plan import AUTO, EXACT, IndexPlan

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
_FILES, _ABOUT = "files", "ready.json"


@dataclass(frozen=True, slots=True)
class ReadyIndex:
    """An approximate index with the search parameters and the recall that were found for it."""

    index: ApproximateIndex
    asked: str
    """The plan that it was built for."""
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
    from lookalike.indexes.tuning import is_quick

    if plan.spec == EXACT or snapshot is None or len(snapshot.row_ids) == 0:
        return False
    return plan.spec != AUTO or not is_quick(snapshot.vectors)


def read_index(store: LanceStore, snapshot: Snapshot, plan: IndexPlan) -> ReadyIndex | None:
    """Open the index of a snapshot's rows that was built for this plan; None if there is none that can be used."""
    from lookalike.indexes.building import load_index

    folder = snapshot.path / FOLDER
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        if about["plan"] != plan.to_dict():
            return None
        index = load_index(folder / _FILES, _rows(store, snapshot, about["index"]))
        if isinstance(index, ExactIndex):
            return None
        return ReadyIndex(index, plan.spec, about["parameters"], float(about["recall"]))
    except (OSError, ValueError, KeyError, TypeError, IndexUnusableError):
        return None  # it can be built again


def write_index(
    store: LanceStore, snapshot: Snapshot, plan: IndexPlan, *, report: Callable[[str], None] = lambda _: None
) -> Tuned:
    """Build the index of a snapshot's rows that a plan asks for, and measure it.

    Parameters
    ----------
    store : the gallery.
    snapshot : the rows.
    plan : which index.
    report : told what is being done.

    Raises
    ------
    InputError : if the index cannot be built over these rows.
    BackendMissingError : if its library is not installed.
    OSError : if the folder cannot be written.
    """
    from lookalike.indexes.tuning import Goal, Tuner

    rows = _rows(store, snapshot, plan.spec)
    tuner = Tuner(rows, Metric.COSINE, Goal(recall=plan.recall), report=report)
    tuned = tuner.choose() if plan.spec == AUTO else tuner.measure(plan.spec, plan.parameters)
    keep_index(snapshot, plan, tuned)
    return tuned


def keep_index(snapshot: Snapshot, plan: IndexPlan, tuned: Tuned) -> None:
    """Put an index into the snapshot's folder, in place of the one that is there.

    Raises
    ------
    OSError : if the folder cannot be written.
    """
    if isinstance(tuned.index, ExactIndex):
        return
    partial = snapshot.path / f"partial-{uuid.uuid4().hex}"
    partial.mkdir()
    try:
        tuned.index.save(partial / _FILES)
        about = {**tuned.to_dict(), "plan": plan.to_dict()}
        (partial / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
        remove_index(snapshot)
        partial.rename(snapshot.path / FOLDER)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_index(snapshot: Snapshot) -> None:
    """Remove the index of a snapshot's rows; who has it open keeps it."""
    old: Path = snapshot.path / FOLDER
    if old.is_dir():
        aside = snapshot.path / f"partial-{uuid.uuid4().hex}"
        old.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def _rows(store: LanceStore, snapshot: Snapshot, spec: str) -> Vectors:
    """Return the rows as an index of that spec reads them: from the mapped file, or from the table itself."""
    from lookalike.indexes.building import INDEXES
    from lookalike.indexes.specs import parse_index

    if spec == AUTO:
        return snapshot.vectors
    try:
        backend = INDEXES.load(parse_index(spec, metric=Metric.COSINE, dim=snapshot.vectors.shape[1]).backend)
    except LookalikeError:
        return snapshot.vectors  # building or opening it says what is wrong
    if getattr(backend, "is_raw", False):
        from lookalike.indexes.lance_rows import LanceRows

        table: Any = LanceRows(store.table, EMBEDDING, snapshot.row_ids)
        return cast("Vectors", table)
    return snapshot.vectors
