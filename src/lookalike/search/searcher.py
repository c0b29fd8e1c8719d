"""Search over a gallery as it is now, or as it was when a ranking was begun."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from lookalike.errors import InputError
from lookalike.gallery.table_files import fingerprint
from lookalike.metric import Metric
from lookalike.search.answering import Asked, Judged
from lookalike.search.calibration import FEWEST, calibrate, known_calibration
from lookalike.search.hit import Answer, Hit, Method
from lookalike.search.index_plan import plan_of
from lookalike.search.options import START, SearchOptions, checked_k
from lookalike.search.paging import LENGTH, Cursor, digest_of, gone
from lookalike.search.reading_ahead import read_ahead
from lookalike.search.ready_index import FOLDER, known_of, read_index, wants_index
from lookalike.search.snapshot import stored_snapshots
from lookalike.search.upkeep import Lag, best_snapshot, lag_of, write_if_allowed
from lookalike.search.view import open_view

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lookalike.arrays import Vectors
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.search.calibration import Calibration
    from lookalike.search.snapshot import Snapshot
    from lookalike.search.tiles import TileFinder
    from lookalike.search.view import View


_LOOK_SECONDS = 10.0


class Searcher:
    """Answers queries over one gallery; follows it as it changes."""

    def __init__(self, store: LanceStore, tiles: TileFinder | None = None) -> None:
        self._store = store
        self._tiles = tiles
        self._lock = threading.Lock()
        self._renewal: threading.Thread | None = None
        self._pinned: LanceStore | None = None
        self._stored: tuple[tuple[int, int], ...] = ()
        """The snapshots that there were when it was chosen among them."""
        self._snapshot: Snapshot | None = None
        self._rows: dict[tuple[Metric, bool], Judged] = {}
        """By metric, and whether the least alike are found, of the pinned version."""
        self._earlier: Judged | None = None
        """Of the version that a page was last asked of, if the gallery has changed since."""
        self._looked_at = time.monotonic()
        """When an index that could not be opened was last looked for."""

    def method(self, metric: Metric = Metric.COSINE) -> Method:
        """Return how searches by that metric are done now."""
        return self._current(metric).view.method

    def calibration(self) -> Calibration | None:
        """Return what a cosine means here, measured if that is not known yet; None if there is no telling."""
        rows = self._current(Metric.COSINE)
        if rows.calibration is not None:
            return rows.calibration
        calibration = calibrate(rows.view)
        with self._lock:
            if self._rows.get((Metric.COSINE, False)) is rows:
                self._rows[Metric.COSINE, False] = replace(rows, calibration=calibration)
        return calibration

    def search(
        self, queries: Vectors, k: int, options: SearchOptions, *, exclude: Sequence[Collection[str]] = ()
    ) -> list[list[Hit]]:
        """Return the best hits of each query, or the least alike, these first; equal scores by id.

        Parameters
        ----------
        queries : shape (q, dim).
        k : at least 1; all items are returned where there are fewer.
        options : what narrows the search, and what becomes of the hits.
        exclude : for each query the ids of items to leave out, such as the query itself.

        Returns
        -------
        q lists of at most k hits.

        Raises
        ------
        ShapeError : if the queries have another dimension than the gallery.
        InputError : if k or an option cannot be used.
        """
        return [list(answer.hits) for answer in self.answer(Asked(queries, exclude), k, options)]

    def answer(self, asked: Asked, k: int, options: SearchOptions) -> list[Answer]:
        """Return what :meth:`search` does, how it was done, and where the next page begins.

        Raises
        ------
        ShapeError : if the queries have another dimension than the gallery.
        InputError : if k or an option cannot be used, or the ranking that a cursor continues is gone.
        """
        k = checked_k(k)
        if options.cursor is not None:
            return self._page(asked, k, options)
        least = self._least_score(options)
        rows = self._current(options.metric, reverse=options.reverse)
        found, method = rows.hits(asked, k, options, least=least)
        return [Answer(hits, method) for hits in found]

    def view(self, metric: Metric, *, reverse: bool = False) -> View:
        """Return the rows as they are now: all that one search reads is of one version."""
        return self._current(metric, reverse=reverse).view

    def read_ahead(self) -> None:
        """Begin to read the index, if there is one, into memory, where searches find it then."""
        view = self._current(Metric.COSINE).view
        if view.snapshot is None or view.method.is_exact:
            return
        folder = view.snapshot.path / FOLDER

        def read() -> None:
            with contextlib.suppress(OSError):  # it is read when it is searched
                read_ahead(folder)

        threading.Thread(target=read, name="lookalike-read-ahead", daemon=True).start()

    def _least_score(self, options: SearchOptions) -> float | None:
        if not isinstance(options.min_score, str):
            return options.min_score
        calibration = self.calibration()
        if calibration is None:
            msg = (
                f"min_score 'auto' needs at least {FEWEST} different images to tell what scores mean, and the gallery "
                f"has {len(self._store):,} items; give a number"
            )
            raise InputError(msg)
        return calibration.plausible

    def _page(self, asked: Asked, k: int, options: SearchOptions) -> list[Answer]:
        digests = [digest_of(identity, replace(options, cursor=None)) for identity in asked.identities]
        if options.cursor == START:
            least = self._least_score(options)
            rows = self._current(options.metric)
            begins = [Cursor.first(rows.view.store, rows.view.method, digest, least) for digest in digests]
        else:
            begins = [Cursor.parse(str(options.cursor))]
            if [begins[0].digest] != digests:
                msg = "the cursor is of another query, or of other options; repeat those of the first page"
                raise InputError(msg)
            least = begins[0].least
            rows = self._of(begins[0], options.metric)
        answers = []
        found, method = rows.hits(asked, LENGTH, options, least=least)
        for begin, hits in zip(begins, found, strict=True):
            end = begin.offset + k
            after = str(replace(begin, offset=end)) if end < len(hits) else None
            answers.append(Answer(hits[begin.offset : end], method, after))
        return answers

    def _of(self, cursor: Cursor, metric: Metric) -> Judged:
        """Return the rows of the version whose ranking a cursor continues."""
        rows = self._current(metric)
        if fingerprint(self._store.location, cursor.version) != cursor.fingerprint:
            raise gone()
        if rows.view.store.version != cursor.version:
            rows = self._earlier_rows(cursor.version, metric, rows.calibration)
        if rows.view.method.index != cursor.index:
            raise gone()
        return rows

    def _earlier_rows(self, version: int, metric: Metric, calibration: Calibration | None) -> Judged:
        with self._lock:
            known = self._earlier
            if known is not None and known.view.store.version == version and known.view.metric is metric:
                return known
            store = self._store.at(version)
            snapshot = best_snapshot(store)
            if lag_of(store, snapshot) is Lag.TOO_MUCH:  # its rows would have to be read into memory
                raise gone()
            view = open_view(store, snapshot, metric)
            self._earlier = Judged.of(view, calibration)
            return self._earlier

    def _current(self, metric: Metric, *, reverse: bool = False) -> Judged:
        """Return the rows of the newest version: all that one search reads is of one version."""
        with self._lock:
            self._store.refresh()
            stored = stored_snapshots(self._store)
            if self._pinned is None or (self._pinned.version, self._stored) != (self._store.version, stored):
                self._pinned, self._stored = self._store.pinned(), stored
                self._rows = {}
                self._snapshot = self._usable_snapshot(self._pinned)
            wanted = (metric, reverse)
            if wanted not in self._rows:
                view = open_view(self._pinned, self._snapshot, metric, reverse=reverse)
                is_known = metric is Metric.COSINE
                calibration = known_calibration(self._pinned, self._snapshot) if is_known else None
                self._rows[wanted] = Judged.of(view, calibration, self._tiles)
            rows = self._rows[wanted]
            if wanted == (Metric.COSINE, False) and rows.view.method.is_exact:
                self._look_for_index(rows.view)
            return rows

    def _look_for_index(self, view: View) -> None:
        """Try again now and then, beside the searches, to open an index that was there and could not be opened.

        That it is on a server which was away passes; it would be searched exactly until the gallery changes.
        """
        if time.monotonic() < self._looked_at + _LOOK_SECONDS or view.snapshot is None:
            return
        self._looked_at = time.monotonic()
        plan = plan_of(view.store)
        if not wants_index(plan, view.snapshot) or known_of(view.snapshot, plan) is None:
            return

        def look(snapshot: Snapshot) -> None:
            if read_index(view.store, snapshot, plan) is not None:
                with self._lock:
                    self._rows.pop((view.metric, False), None)

        threading.Thread(target=look, args=[view.snapshot], name="lookalike-index", daemon=True).start()

    def _usable_snapshot(self, store: LanceStore) -> Snapshot | None:
        """Return a snapshot that the newer rows can be searched beside; None: all rows are searched in the table."""
        snapshot = best_snapshot(store, known=self._snapshot)
        lag = lag_of(store, snapshot)
        if lag is Lag.TOO_MUCH:
            write_if_allowed(store)
            return best_snapshot(store, known=self._snapshot)
        is_indexed = snapshot is not None and (snapshot.path / FOLDER).is_dir()  # which a writer builds anew
        is_idle = self._renewal is None or not self._renewal.is_alive()
        if lag is Lag.SOME and is_idle and not is_indexed:
            # who searches meanwhile need not wait for it
            self._renewal = threading.Thread(target=write_if_allowed, args=[store], name="lookalike-snapshot")
            self._renewal.start()
        return snapshot
