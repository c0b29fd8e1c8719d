"""Bring a gallery up to date with a source.

Reading and decoding run in worker threads, inference in others or in the calling thread, and writing in a thread of
its own; what is between them is bounded, so the memory in use does not depend on the number of images. Every commit is
atomic: whatever ends a run, what was committed stays, and the next run goes on from there.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lookalike.building.ahead import Threads, in_order
from lookalike.building.embedding import Embedded, embedded
from lookalike.building.inventory import Inventory
from lookalike.building.report import BuildReport, Failure, NoProgress, Progress
from lookalike.building.tiling import check_tiles, update_tiles
from lookalike.building.verification import check_length, check_precomputed, has_encoder
from lookalike.building.work import Given, Known, Prepared, Same, Unusable, Worker, item_stamp, skip_stamp
from lookalike.building.writer import Writer
from lookalike.cores import usable_cores
from lookalike.encoders.staging import batch_size, batches_at_once
from lookalike.gallery.lance_errors import store_errors
from lookalike.gallery.lock import writer_lock
from lookalike.gallery.skipped_store import CLOSED_FOLDER, SkippedItem, SkippedStore
from lookalike.images.decode import DEFAULT_LIMITS, Limits
from lookalike.search.snapshot import remove_leftovers
from lookalike.search.upkeep import renew
from lookalike.search.uris import stored_uri
from lookalike.sources.base import WalkingSource
from lookalike.sources.combined import broken_parts
from lookalike.sources.names import item_id, original
from lookalike.sources.precomputed import PrecomputedRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import Encoder
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.images.ref import ImageRef
    from lookalike.search.index_plan import IndexPlan
    from lookalike.sources.base import Source


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How a gallery is brought up to date."""

    limits: Limits = DEFAULT_LIMITS
    workers: int = field(default_factory=usable_cores)
    """Threads that decode, and that read what is near; what is far is read by as many as its source asks for."""
    progress: Progress = field(default_factory=NoProgress)
    index: IndexPlan | None = None
    """How the gallery is to be searched, to be noted in it; None leaves what is noted."""
    label_rules: Mapping[str, str] | None = None
    """Where labels come from by now, to be noted in the gallery; None leaves what is noted."""
    tiles: bool | None = None
    """Whether parts of pictures are to be found; None: if the gallery has tiles."""


def build(
    store: LanceStore, source: Source, encoder: Callable[[], Encoder], options: BuildOptions | None = None
) -> BuildReport:
    """Index what is new or changed in a source, and remove what is gone from it.

    Parameters
    ----------
    store : the gallery.
    source : lists the images; items of the gallery that it covers and does not list are removed.
    encoder : returns the encoder of the gallery; called only if an image has to be embedded.
    options : limits, threads, and who is told of the progress.

    Returns
    -------
    Counts, and the items that could not be indexed with the reasons.

    Raises
    ------
    SourceError : if the source cannot be read or holds no images; nothing is removed then.
    StoreError : if the gallery cannot be written.
    EncoderError : if the encoder fails, or returns what is no embedding.
    InputError : if an attribute has another type than it has in the gallery, or embeddings that came along were not
        made by the gallery's encoder.
    """
    options = options or BuildOptions()
    started = time.perf_counter()
    with writer_lock(store.location, options.progress.waiting):
        store.refresh()
        store.drop_damaged_index()
        remove_leftovers(store)
        check_tiles(store, wanted=options.tiles)
        run = _Run(store, source, encoder, options)
        run.plan()
        run.note_choices()
        run.execute()
        run.remove_gone()
        run.finish()
        update_tiles(store, source, encoder, options, run.report)
    run.report.seconds = time.perf_counter() - started
    return run.report


class _Run:
    def __init__(
        self, store: LanceStore, source: Source, encoder: Callable[[], Encoder], options: BuildOptions
    ) -> None:
        self.report = BuildReport()
        self._store = store
        self._source = source
        self._encoder = encoder
        self._options = options
        self._inventory = Inventory(store)
        self._skipped = SkippedStore(store.location)
        self._known_skips = {item.id: item for item in self._skipped.items()}
        self._listed_skips: set[str] = set()
        self._to_do = 0
        self._has_precomputed = False

    def plan(self) -> None:
        """List the source once: note what is there, and count what there is to do."""
        for ref in self._source:
            self._inventory.list(ref.id)
            if isinstance(ref, PrecomputedRef) and not self._has_precomputed:
                check_length(ref.dim, self._store.manifest.dim, self._source.uri, "the gallery")
                self._has_precomputed = True
            if self._is_unchanged(ref):
                self.report.unchanged += 1
                continue  # also if it had failed in between: it is as it was indexed again
            if (skip := self._same_skip(ref)) is not None:
                self.report.failed.append(Failure(ref.uri, skip.reason))
            else:
                self._to_do += 1
            if ref.id in self._known_skips:
                self._listed_skips.add(ref.id)

    def note_choices(self) -> None:
        """Note what was chosen for this run and those to come, once the source has shown that it can be indexed."""
        manifest = self._store.manifest
        if self._options.label_rules is not None:
            manifest = replace(manifest, label_rules=self._options.label_rules)
        if self._options.index is not None:
            manifest = replace(manifest, index=self._options.index.to_dict())
        if manifest != self._store.manifest:
            self._store.describe(manifest)

    def execute(self) -> None:
        """List the source again, and embed and write what there is to do."""
        if self._to_do == 0:
            return
        self._options.progress.expect(self._to_do)
        if self._has_precomputed and has_encoder(self._store.manifest.encoder):
            check_precomputed((ref for ref, _ in self._pending()), self._source, self._encoder, self._options.limits)
        worker = Worker(self._source, self._store, self._inventory, self._encoder, self._options.limits)
        threads = Threads(self._options.workers, reading=getattr(self._source, "concurrency", 0))
        outcomes = in_order(worker, self._pending(), threads, self._images_at_once)
        ready = embedded(outcomes, self._encoder)
        with Writer(self._store, self._skipped, set(self._known_skips)) as writer, closing(outcomes), closing(ready):
            for outcome in ready:
                if isinstance(outcome, Embedded):
                    for item, vector in zip(outcome.items, outcome.vectors, strict=True):
                        self._write(item, vector, writer)
                    self.report.embedded += len(outcome.items)
                else:
                    self._settle(outcome, writer)

    def remove_gone(self) -> None:
        """Remove the items that the source covers and did not list."""
        for items in self._inventory.unlisted():
            gone = [item_id for item_id, stamp in items if self._was_listed(item_id, stamp)]
            if gone:
                self.report.removed += self._store.delete(gone)
        skips = (skip for name, skip in self._known_skips.items() if name not in self._listed_skips)
        stale = [skip.id for skip in skips if self._was_listed(skip.id, skip.stamp)]
        self._skipped.forget([*stale, *self._record_closed()])
        self.report.failed.extend(Failure(error.uri, error.reason) for error in broken_parts(self._source))

    def finish(self) -> None:
        """Tidy the files up and make the embeddings ready to be searched."""
        if self._to_do or self.report.removed:
            self._store.optimise()
        if self._known_skips or self.report.failed:
            self._skipped.optimise()
        with store_errors(self._store.location):
            renew(self._store, self._options.progress.note)
        self.report.total = len(self._store)

    def _record_closed(self) -> list[str]:
        """Record the folders that could not be entered, and return the ids of those that can be again."""
        if not isinstance(self._source, WalkingSource):
            return []
        base = self._store.location.base
        closed = [
            SkippedItem(item_id(original(uri), base), stored_uri(uri, base), CLOSED_FOLDER, "")
            for uri in self._source.unreadable
        ]
        known = [item.id for item in self._known_skips.values() if item.reason == CLOSED_FOLDER]
        if new := [item for item in closed if item.id not in known]:
            self._skipped.record(new)
        self.report.failed.extend(Failure(uri, CLOSED_FOLDER) for uri in self._source.unreadable)
        return [folder for folder in known if self._source.reaches(folder)]

    def _was_listed(self, item_id: str, stamp: str) -> bool:
        """Say whether an item that the source does not list came from it."""
        prefixes = tuple(getattr(self._source, "stamp_prefixes", ()))
        return stamp.startswith(prefixes) or self._source.covers(item_id)

    def _is_unchanged(self, ref: ImageRef) -> bool:
        return bool(ref.stamp) and self._inventory.has_stamp(ref.id, item_stamp(ref))

    def _same_skip(self, ref: ImageRef) -> SkippedItem | None:
        """Return what is known of an item that failed before and has not changed since."""
        skip = self._known_skips.get(ref.id)
        return skip if skip is not None and skip.stamp and skip.stamp == skip_stamp(ref, self._options.limits) else None

    def _pending(self) -> Iterator[tuple[ImageRef, int | None]]:
        for ref in self._source:
            if not self._is_unchanged(ref) and self._same_skip(ref) is None:
                yield ref, self._inventory.list(ref.id)

    def _images_at_once(self) -> int:
        encoder = self._encoder()
        return batch_size(encoder) * batches_at_once(encoder)

    def _settle(self, outcome: Known | Given | Same | Unusable, writer: Writer) -> None:
        if isinstance(outcome, (Known, Given)):
            self.report.reused += outcome.is_new and isinstance(outcome, Known)
            self._write(outcome, outcome.embedding, writer)
        elif isinstance(outcome, Same):
            self.report.unchanged += 1
            self._listed_skips.discard(outcome.ref.id)
            self._options.progress.advance(1, failed=0)
        else:
            ref = outcome.ref
            self.report.failed.append(Failure(ref.uri, outcome.reason))
            uri = stored_uri(ref.uri, self._store.location.base)
            writer.skip(SkippedItem(ref.id, uri, outcome.reason, outcome.stamp))
            self._options.progress.advance(1, failed=1)

    def _write(self, item: Prepared | Known | Given, vector: Vectors, writer: Writer) -> None:
        writer.put(item.record, vector, is_new=item.is_new)
        if isinstance(item, Known) and item.is_redated:
            self.report.unchanged += 1
        else:
            self.report.added += item.is_new
            self.report.updated += not item.is_new
        self._options.progress.advance(1, failed=0)
