"""Pictures of a gallery cut into tiles, once its items have been committed.

Whatever ends a run, the next one over the same source makes the tiles that are missing. What was renamed keeps its
tiles, as it is recognised by its content.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.building.inventory import Inventory
from lookalike.building.report import Failure
from lookalike.building.verification import checked_embeddings, has_encoder
from lookalike.encoders.staging import batch_size, decode_for, encode_prepared, prepare
from lookalike.errors import ImageDecodeError, InputError
from lookalike.gallery.lance_errors import store_errors
from lookalike.gallery.tile_table import TiledPicture, TileTable
from lookalike.images.digest import content_digest
from lookalike.images.region import cut_box
from lookalike.images.tiling import MOST_ALONG_A_SIDE, tile_boxes
from lookalike.search.snapshot import remove_leftovers
from lookalike.search.upkeep import renew

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from concurrent.futures import Future

    import numpy.typing as npt

    from lookalike.building.build import BuildOptions
    from lookalike.building.report import BuildReport, Progress
    from lookalike.encoders.base import Encoder
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.images.decode import Limits
    from lookalike.images.ref import ImageRef
    from lookalike.images.region import Box
    from lookalike.sources.base import Source

_AT_ONCE = 4
"""Pictures whose tiles are embedded together, while those of as many more are prepared: tens of megabytes each time."""
_IN_A_COMMIT = 20
_WHOLE_ONLY = "; it is searched as a whole only"


def check_tiles(store: LanceStore, *, wanted: bool | None) -> None:
    """Look whether a gallery can have tiles, if they are wanted.

    Raises
    ------
    InputError : if it cannot.
    """
    if wanted and not has_encoder(store.manifest.encoder):
        msg = "tiles are embedded by the gallery's encoder, and this gallery has none; name the one that made it"
        raise InputError(msg)


def update_tiles(
    store: LanceStore, source: Source, encoder: Callable[[], Encoder], options: BuildOptions, report: BuildReport
) -> None:
    """Make the tiles that pictures of a source lack, and drop those of what was changed or removed.

    Parameters
    ----------
    store : the gallery at its newest version, of which the caller holds the writer lock.
    source : lists the pictures; those of other sources keep the tiles that they have.
    encoder : returns the encoder of the gallery; called only if there are tiles to embed.
    options : say whether the gallery is to have tiles; without a word it keeps them if it has them.
    report : is told how many pictures got tiles, and which could not be read.

    Raises
    ------
    StoreError : if they cannot be written.
    """
    if options.tiles is False:
        shutil.rmtree(store.location.tiles.folder, ignore_errors=True)
    elif options.tiles or store.location.tiles.exists():
        table = TileTable(store)
        remove_leftovers(table.store)
        report.tiled = table.copy_known()
        table.drop_stale()
        cutter = _Cutter(source, encoder, options.limits)
        outcomes = cutter.cut_all(_pending(store, source, table, options), options.workers)
        with closing(outcomes):
            _write(table, _noted(outcomes, options.progress, report))
        _finish(table, options.progress.note)


def drop_tiles_of_removed(store: LanceStore) -> None:
    """Drop the tiles of what was removed from a gallery; only for who holds the writer lock."""
    if store.location.tiles.exists():
        table = TileTable(store)
        table.drop_stale()
        _finish(table, lambda _: None)


def _finish(table: TileTable, note: Callable[[str], None]) -> None:
    table.store.optimise()
    with store_errors(table.store.location):
        renew(table.store, note)


def _noted(
    outcomes: Iterator[list[TiledPicture | Failure]], progress: Progress, report: BuildReport
) -> Iterator[list[TiledPicture]]:
    """Yield the pictures that were cut, and tell of them and of the others."""
    for some in outcomes:
        made = [outcome for outcome in some if isinstance(outcome, TiledPicture)]
        failed = [outcome for outcome in some if isinstance(outcome, Failure)]
        report.tiled += len(made)
        report.failed += failed
        progress.advance(len(some), failed=len(failed))
        yield made


def _write(table: TileTable, pictures: Iterator[list[TiledPicture]]) -> None:
    """Add pictures some at a time, also the last of them when the run is interrupted."""
    waiting: list[TiledPicture] = []
    try:
        for some in pictures:
            waiting += some
            if len(waiting) >= _IN_A_COMMIT:
                ready, waiting = waiting, []
                table.add(ready)
    finally:
        table.add(waiting)


def _pending(
    store: LanceStore, source: Source, table: TileTable, options: BuildOptions
) -> Iterator[tuple[ImageRef, int]]:
    missing = table.missing()
    if len(missing) == 0:
        return
    inventory = Inventory(store)

    def listed() -> Iterator[tuple[ImageRef, int]]:
        for ref in source:
            row_id = inventory.list(ref.id)
            if row_id is not None and missing[np.searchsorted(missing, row_id) % len(missing)] == row_id:
                yield ref, row_id

    count = sum(1 for _ in listed())
    if count:
        options.progress.note(f"cutting {count:,} pictures into tiles")
        options.progress.expect(count)
    yield from listed()


@dataclass(frozen=True, slots=True)
class _Cut:
    """The tiles of a picture, prepared to be embedded."""

    row_id: int
    digest: str
    boxes: Sequence[Box]
    images: Sequence[npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class _Cutter:
    source: Source
    encoder: Callable[[], Encoder]
    limits: Limits

    def cut_all(
        self, pending: Iterator[tuple[ImageRef, int]], workers: int
    ) -> Generator[list[TiledPicture | Failure], None, None]:
        """Yield the tiles of pictures, some at a time; the next are prepared by threads meanwhile."""
        pool = ThreadPoolExecutor(workers, thread_name_prefix="lookalike-tiles")
        try:
            ahead = self._started(pool, pending)
            while ahead:
                ready, ahead = ahead, self._started(pool, pending)
                yield self._embedded([future.result() for future in ready])
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _started(
        self, pool: ThreadPoolExecutor, pending: Iterator[tuple[ImageRef, int]]
    ) -> list[Future[_Cut | Failure]]:
        return [pool.submit(self._cut, ref, row_id) for ref, row_id in islice(pending, _AT_ONCE)]

    def _cut(self, ref: ImageRef, row_id: int) -> _Cut | Failure:
        try:
            if ref.size is not None:
                self.limits.check_bytes(ref.size)
            data = self.source.read(ref)
            encoder = self.encoder()
            decoded = decode_for(encoder, data, self.limits, times=MOST_ALONG_A_SIDE)
        except ImageDecodeError as error:
            return Failure(ref.uri, f"{error.reason}{_WHOLE_ONLY}")
        except OSError as error:
            reason = getattr(error, "reason", None) or error.strerror or str(error)
            return Failure(ref.uri, f"{reason}{_WHOLE_ONLY}")
        pixels = decoded.pixels
        parts = [cut_box(pixels, box) for box in tile_boxes(pixels.shape[1], pixels.shape[0])]
        images = [prepare(encoder, np.ascontiguousarray(part)) for part in parts]
        # of another picture than the item's, if the file has changed since: then they count for nothing, till next time
        return _Cut(row_id, content_digest(data), tile_boxes(decoded.width, decoded.height), images)

    def _embedded(self, outcomes: Sequence[_Cut | Failure]) -> list[TiledPicture | Failure]:
        images = [image for outcome in outcomes if isinstance(outcome, _Cut) for image in outcome.images]
        vectors = _encoded(self.encoder(), images) if images else np.empty((0, 0), np.float32)
        done: list[TiledPicture | Failure] = []
        at = 0
        for outcome in outcomes:
            if isinstance(outcome, Failure):
                done.append(outcome)
                continue
            end = at + len(outcome.images)
            done.append(TiledPicture(outcome.row_id, outcome.digest, outcome.boxes, vectors[at:end]))
            at = end
        return done


def _encoded(encoder: Encoder, images: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
    size = batch_size(encoder)
    batches = [images[start : start + size] for start in range(0, len(images), size)]
    return np.concatenate([checked_embeddings(encoder, encode_prepared(encoder, b), len(b)) for b in batches])
