"""Choosing a gallery's index by what it must reach, and measuring indexes on a gallery."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lookalike.errors import InputError
from lookalike.search.index_plan import AUTO, IndexPlan, checked_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lookalike.evaluation.ann import Measured
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.indexes.tuning import Goal, Tuned
    from lookalike.metric import Metric
    from lookalike.search.snapshot import Snapshot


def tune_gallery(
    store: LanceStore, goal: Goal, *, specs: Sequence[str] = (), report: Callable[[str], None] = lambda _: None
) -> Tuned:
    """Find the index that reaches a goal on the gallery's own rows, and search with it from now on.

    Parameters
    ----------
    store : the gallery.
    goal : the recall, and the budgets if there are any.
    specs : what to choose from; by default exact search while it is quick enough, else graphs and coded lists. Later
        rows make it choose again; an index that was named, or found for a budget, stays of its kind, with parameters
        that are found anew when there are four times as many rows or they miss the recall.
    report : told what is being done.

    Raises
    ------
    InputError : if the gallery is empty, or an index cannot be built over its rows, or not in this machine.
    UnknownNameError : if there is no such index.
    BackendMissingError : if its library is not installed.
    RemoteError : if it needs a server that cannot be reached.
    StoreError : if the gallery cannot be written.
    """
    from lookalike.gallery.lance_errors import store_errors
    from lookalike.gallery.lock import waiting_for, writer_lock
    from lookalike.indexes.tuning import Tuner
    from lookalike.search.index_servers import drop_unused
    from lookalike.search.ready_index import drop_unplanned, keep_index, table_of
    from lookalike.search.snapshot import remove_older

    specs = [checked_spec(spec, dim=store.manifest.dim) for spec in specs if spec != AUTO]
    location = store.location
    with writer_lock(location, on_wait=lambda holder: report(waiting_for(holder))), store_errors(location):
        snapshot = _snapshot(store, is_current=True)
        table = partial(table_of, store, snapshot)
        tuner = Tuner(snapshot.vectors, goal=goal, report=report, table=table, folder=snapshot.path)
        tuned = tuner.choose(specs)
        is_free = not specs and goal.seconds is None and goal.nbytes is None
        plan = IndexPlan(AUTO, goal.recall, k=goal.k)
        if not is_free:
            spec, parameters = str(tuned.index.spec), dict(tuned.parameters)
            plan = replace(plan, spec=spec, parameters=parameters, tuned_rows=len(snapshot.row_ids))
        keep_index(store, snapshot, plan, tuned)
        store.describe(replace(store.manifest, index=plan.to_dict()))
        remove_older(store, than=snapshot.version)
        drop_unplanned(store)
        drop_unused(store)
    return tuned


def benchmark_gallery(
    store: LanceStore,
    specs: Sequence[str] | None = None,
    *,
    metric: Metric,
    k: int = 10,
    report: Callable[[str], None] = lambda _: None,
) -> Iterator[Measured]:
    """Measure indexes over a gallery's rows; see :class:`lookalike.evaluation.ann.IndexBenchmark`."""
    from lookalike.evaluation.ann import IndexBenchmark
    from lookalike.evaluation.reference_indexes import REFERENCES
    from lookalike.gallery.lance_errors import store_errors
    from lookalike.search.ready_index import table_of

    if specs is not None:
        specs = [spec if spec in REFERENCES else checked_spec(spec, dim=store.manifest.dim) for spec in specs]
    with store_errors(store.location):
        snapshot = _snapshot(store)
    table = partial(table_of, store, snapshot)
    yield from IndexBenchmark(snapshot.vectors, metric, k, report=report, table=table).run(specs)


def _snapshot(store: LanceStore, *, is_current: bool = False) -> Snapshot:
    """Return the newest snapshot there is, or one of all rows as they are now."""
    from lookalike.search.snapshot import newest_snapshot, write_snapshot

    store.refresh()
    snapshot = newest_snapshot(store, with_sums=False)
    if snapshot is None or (is_current and snapshot.version != store.version):
        write_snapshot(store)
        snapshot = newest_snapshot(store, with_sums=False)
    if snapshot is None or len(snapshot.row_ids) == 0:
        msg = f"the gallery {store.location.folder} holds no images yet; index some first"
        raise InputError(msg)
    return snapshot
