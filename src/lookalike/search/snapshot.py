"""The exact index beside the gallery: all embeddings at one version, mapped into memory when searched.

A snapshot is derived from the table and can be made again at any time. It appears by a rename, so a reader sees a whole
one or none, and an older one stays readable for who has it open.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lookalike.gallery.lance_store import embedding_matrix
from lookalike.gallery.record import EMBEDDING
from lookalike.indexes.exact import row_norms

if TYPE_CHECKING:
    from typing import BinaryIO

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.gallery.lance_store import LanceStore

_PREFIX = "exact-v"
_VECTORS, _NORMS, _ROW_IDS, _ABOUT = "vectors.f32", "norms.npy", "row_ids.npy", "snapshot.json"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All rows at one version, in the order of their ids."""

    version: int
    row_ids: npt.NDArray[np.uint64]
    """Shape (n,): the stable ids of the rows."""
    vectors: Vectors
    """Shape (n, dim), mapped from the file where there is one."""
    norms: npt.NDArray[np.float32]
    """Shape (n,)."""


def newest_snapshot(store: LanceStore) -> Snapshot | None:
    """Return the newest snapshot that is not ahead of the version the store reads, or None."""
    for version, path in _stored(store.location.indexes):
        if version <= store.version:
            snapshot = _read(path, version)
            if snapshot is not None:
                return snapshot
    return None


def write_snapshot(store: LanceStore) -> Path:
    """Write the snapshot of the version that the store reads, and remove older ones.

    The rows stream from the table to the file; memory holds their ids but not their embeddings.

    Raises
    ------
    OSError : if the folder cannot be written.
    """
    store = store.pinned()  # another thread may move it to a newer version meanwhile
    folder = store.location.indexes
    folder.mkdir(exist_ok=True)
    target = folder / f"{_PREFIX}{store.version}"
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=folder))
    try:
        _write(store, partial)
        if _read(target, store.version) is None:
            shutil.rmtree(target, ignore_errors=True)  # a damaged one
            _rename(partial, target, store.version)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    for version, path in _stored(folder):
        if version < store.version:
            shutil.rmtree(path, ignore_errors=True)  # Windows keeps a mapped file; a later run removes it
    return target


def _rename(partial: Path, target: Path, version: int) -> None:
    try:
        partial.rename(target)
    except OSError:
        if _read(target, version) is None:  # otherwise another process was a little faster
            raise


def remove_leftovers(store: LanceStore) -> None:
    """Remove what an interrupted :func:`write_snapshot` left; only for who holds the writer lock."""
    for path in store.location.indexes.glob("partial-*"):
        shutil.rmtree(path, ignore_errors=True)


def _stored(folder: Path) -> list[tuple[int, Path]]:
    found = []
    for path in folder.glob(f"{_PREFIX}*"):
        version = path.name[len(_PREFIX) :]
        if version.isdecimal():
            found.append((int(version), path))
    return sorted(found, reverse=True)


def _read(path: Path, version: int) -> Snapshot | None:
    try:
        about = json.loads((path / _ABOUT).read_text())
        shape = (int(about["rows"]), int(about["dim"]))
        row_ids = np.load(path / _ROW_IDS, allow_pickle=False)
        norms = np.load(path / _NORMS, allow_pickle=False)
        if shape[0] == 0:
            vectors = np.empty(shape, np.float32)
        else:
            vectors = np.memmap(path / _VECTORS, dtype=np.float32, mode="r", shape=shape)
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None  # damaged or just being removed: it can be made again
    if len(row_ids) != shape[0] or len(norms) != shape[0]:
        return None
    return Snapshot(version, row_ids, vectors, norms)


def _write(store: LanceStore, folder: Path) -> None:
    row_ids, places = _order(store)
    dim = store.manifest.dim
    norms = np.empty(len(places), np.float32)
    start = 0
    # plain writes rather than a writable map: its dirty pages would count as memory of this process
    with (folder / _VECTORS).open("wb") as file:
        for batch in store.scan([EMBEDDING]):
            vectors = embedding_matrix(batch[EMBEDDING])
            place = places[start : start + len(vectors)]
            norms[place] = row_norms(vectors)
            _write_rows(file, vectors, place)
            start += len(vectors)
        file.flush()
        os.fsync(file.fileno())
    np.save(folder / _ROW_IDS, row_ids)
    np.save(folder / _NORMS, norms)
    (folder / _ABOUT).write_text(json.dumps({"rows": len(places), "dim": dim, "version": store.version}))


def _order(store: LanceStore) -> tuple[npt.NDArray[np.uint64], Positions]:
    """Return the row ids in the order of the items' ids, and where each row of the table goes in that order."""
    batches = list(store.scan(["id"]))
    if not batches:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    table = pa.Table.from_batches(batches)
    order = pc.sort_indices(table["id"]).to_numpy()
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return table["_rowid"].to_numpy()[order], places


def _write_rows(file: BinaryIO, vectors: Vectors, places: Positions) -> None:
    """Write each row at its place, a run of adjacent ones at once."""
    width = vectors.shape[1] * vectors.itemsize
    breaks = np.flatnonzero(np.diff(places) != 1) + 1
    for first, last in zip([0, *breaks], [*breaks, len(places)], strict=True):
        file.seek(int(places[first]) * width)
        file.write(np.ascontiguousarray(vectors[first:last]).data)
