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

from lookalike.indexes.exact import row_norms

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.gallery.lance_store import LanceStore

_ROWS = 128  # the allocator keeps what larger reads leave, tens of megabytes
_SAMPLE = 32
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
    if len(row_ids) != shape[0] or len(norms) != shape[0] or not _agrees(vectors, norms):
        return None
    return Snapshot(version, row_ids, vectors, norms)


def _write(store: LanceStore, folder: Path) -> None:
    row_ids = _in_order_of_ids(store)
    norms = np.empty(len(row_ids), np.float32)
    # taken in the order in which they are written: a scan of the table would hold hundreds of megabytes of it; and
    # plain writes rather than a writable map, whose dirty pages would count as memory of this process
    with (folder / _VECTORS).open("wb") as file:
        for start in range(0, len(row_ids), _ROWS):
            vectors = store.embeddings(row_ids[start : start + _ROWS])
            norms[start : start + len(vectors)] = row_norms(vectors)
            file.write(np.ascontiguousarray(vectors).data)
        file.flush()
        os.fsync(file.fileno())
    np.save(folder / _ROW_IDS, row_ids)
    np.save(folder / _NORMS, norms)
    about = {"rows": len(row_ids), "dim": store.manifest.dim, "version": store.version}
    (folder / _ABOUT).write_text(json.dumps(about))


def _in_order_of_ids(store: LanceStore) -> npt.NDArray[np.uint64]:
    """Return the stable row ids, in the order of the items' own ids; shape (n,)."""
    batches = list(store.scan(["id"]))
    if not batches:
        return np.empty(0, np.uint64)
    table = pa.Table.from_batches(batches)
    order = pc.sort_indices(table["id"]).to_numpy()
    row_ids: npt.NDArray[np.uint64] = table["_rowid"].to_numpy()[order]
    return row_ids


def _agrees(vectors: Vectors, norms: npt.NDArray[np.float32]) -> bool:
    """Compare a few rows with the lengths noted beside them: a file may have its size but not its content."""
    if len(vectors) == 0:
        return True
    sample = np.unique(np.linspace(0, len(vectors) - 1, _SAMPLE).astype(np.int64))
    return bool(np.allclose(row_norms(vectors[sample]), norms[sample], rtol=1e-4))
