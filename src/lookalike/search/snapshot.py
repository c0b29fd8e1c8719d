"""The exact index beside the gallery: all embeddings at one version, mapped into memory when searched.

A snapshot is derived from the table and can be made again at any time. It appears by a rename, so a reader sees a whole
one or none, and an older one stays readable for who has it open. It names the table and the very commit that it was
made of, so one of another table, or of versions that were undone by putting an older copy of the table back, is not
taken. Every byte is summed up, in words of 64 bits by block, and compared when a process first opens the file to
search it exactly: that is one pass at the speed of memory, which finds blanked, cut and flipped bytes but is no defence
against an adversary.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lookalike.gallery.table_files import fingerprint
from lookalike.indexes.scoring import row_norms

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.gallery.lance_store import LanceStore

_ROWS = 128  # the allocator keeps what larger reads leave, tens of megabytes
_PREFIX = "exact-v"
_VECTORS, _NORMS, _ROW_IDS, _SUMS, _ABOUT = "vectors.f32", "norms.npy", "row_ids.npy", "sums.npy", "snapshot.json"


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
    fingerprint: str
    """Of the commit that made the version; see :func:`lookalike.gallery.table_files.fingerprint`."""
    path: Path
    """Its folder, which may hold an approximate index of these very rows as well."""


def newest_snapshot(
    store: LanceStore, *, known: Snapshot | None = None, with_sums: bool = True, holding: str | None = None
) -> Snapshot | None:
    """Return the newest snapshot that is not ahead of the version the store reads, or None.

    Parameters
    ----------
    store : the gallery.
    known : an earlier answer, returned again, without a look at its file, if it still is the newest.
    with_sums : whether to compare all bytes with their sums, which reads the whole file.
    holding : only one whose folder has a folder of that name.
    """
    for version, path in _stored(store.location.indexes):
        if version > store.version or (holding is not None and not (path / holding).is_dir()):
            continue
        snapshot = known if known is not None and known.version == version else _read(path, version, store)
        if snapshot is None or not _is_of_this_past(snapshot, store):
            continue
        if snapshot is known or not with_sums or _has_its_sums(path, snapshot):
            return snapshot
    return None


def stored_snapshots(store: LanceStore) -> tuple[tuple[int, int], ...]:
    """Return the versions there are snapshots of, and when each or its index was last written: changes with them."""
    found = []
    for version, path in _stored(store.location.indexes):
        with contextlib.suppress(FileNotFoundError):  # just being removed
            found.append((version, path.stat().st_mtime_ns))
    return tuple(found)


def write_snapshot(store: LanceStore) -> Path:
    """Write the snapshot of the version that the store reads; older ones stay until :func:`remove_older`.

    The rows stream from the table to the file; memory holds their ids but not their embeddings.

    Raises
    ------
    OSError : if the folder cannot be written.
    """
    store = store.pinned()  # another thread may move it to a newer version meanwhile
    folder = store.location.indexes
    folder.mkdir(exist_ok=True)
    target = folder / f"{_PREFIX}{store.version}"
    partial = folder / f"partial-{uuid.uuid4().hex}"  # tempfile would close it to other users
    partial.mkdir()
    try:
        _write(store, partial)
        if not _is_good(target, store):
            shutil.rmtree(target, ignore_errors=True)
            _rename(partial, target, store)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def remove_older(store: LanceStore, *, than: int, unless_holding: str | None = None) -> None:
    """Remove the snapshots of versions before that one, unless their folder has a folder of that name."""
    for version, path in _stored(store.location.indexes):
        if version < than and not (unless_holding is not None and (path / unless_holding).is_dir()):
            shutil.rmtree(path, ignore_errors=True)  # Windows keeps a mapped file; a later run removes it


def changed_since(store: LanceStore, version: int, rows: int) -> tuple[int, int]:
    """Return how many rows were written after a version that had so many, and how many of these it had are gone."""
    if version == store.version:
        return 0, 0
    written = sum(len(batch) for batch in store.scan([], newer_than=version))
    return written, max(0, rows + written - len(store))


def _rename(partial: Path, target: Path, store: LanceStore) -> None:
    try:
        partial.rename(target)
    except OSError:
        if not _is_good(target, store):  # otherwise another process was a little faster
            raise


def _is_good(path: Path, store: LanceStore) -> bool:
    snapshot = _read(path, store.version, store)
    return snapshot is not None and _is_of_this_past(snapshot, store) and _has_its_sums(path, snapshot)


def _is_of_this_past(snapshot: Snapshot, store: LanceStore) -> bool:
    """Say whether the version it was made of is the one that the table has, or had, under that number."""
    return fingerprint(store.location, snapshot.version) in ("", snapshot.fingerprint)


def remove_leftovers(store: LanceStore) -> None:
    """Remove what is of no use; only for who holds the writer lock and reads the newest version.

    That is what an interrupted :func:`write_snapshot` left, and snapshots of versions that are ahead of the newest: an
    older copy of the table was put back, and will come to versions of these numbers again.
    """
    ahead = [path for version, path in _stored(store.location.indexes) if version > store.version]
    for path in [*ahead, *store.location.indexes.glob("partial-*")]:
        shutil.rmtree(path, ignore_errors=True)


def _stored(folder: Path) -> list[tuple[int, Path]]:
    found = []
    for path in folder.glob(f"{_PREFIX}*"):
        version = path.name[len(_PREFIX) :]
        if version.isdecimal():
            found.append((int(version), path))
    return sorted(found, reverse=True)


def _read(path: Path, version: int, store: LanceStore) -> Snapshot | None:
    try:
        about = json.loads((path / _ABOUT).read_text())
        commit = str(about["fingerprint"])
        is_of_table = about["table"] == store.manifest.table
        shape = (int(about["rows"]), int(about["dim"]))
        row_ids = np.load(path / _ROW_IDS, allow_pickle=False)
        norms = np.load(path / _NORMS, allow_pickle=False)
        if shape[0] == 0:
            vectors = np.empty(shape, np.float32)
        else:
            vectors = np.memmap(path / _VECTORS, dtype=np.float32, mode="r", shape=shape)
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None  # damaged or just being removed: it can be made again
    if not is_of_table or len(row_ids) != shape[0] or len(norms) != shape[0]:
        return None
    return Snapshot(version, row_ids, vectors, norms, commit, path)


def _write(store: LanceStore, folder: Path) -> None:
    row_ids = _in_order_of_ids(store)
    norms = np.empty(len(row_ids), np.float32)
    sums = []
    # taken in the order in which they are written: a scan of the table would hold hundreds of megabytes of it; and
    # plain writes rather than a writable map, whose dirty pages would count as memory of this process
    with (folder / _VECTORS).open("wb") as file:
        for start in range(0, len(row_ids), _ROWS):
            vectors = store.embeddings(row_ids[start : start + _ROWS])
            norms[start : start + len(vectors)] = row_norms(vectors)
            sums.append(_sum(vectors))
            file.write(np.ascontiguousarray(vectors).data)
        file.flush()
        os.fsync(file.fileno())
    np.save(folder / _ROW_IDS, row_ids)
    np.save(folder / _NORMS, norms)
    np.save(folder / _SUMS, np.array([*sums, _sum(norms), _sum(row_ids)], np.uint64))
    about = {
        "rows": len(row_ids),
        "dim": store.manifest.dim,
        "version": store.version,
        "table": store.manifest.table,
        "fingerprint": fingerprint(store.location, store.version),
    }
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


def _has_its_sums(path: Path, snapshot: Snapshot) -> bool:
    try:
        noted = np.load(path / _SUMS, allow_pickle=False)
    except (OSError, EOFError, ValueError):
        return False
    sums = [_sum(snapshot.vectors[start : start + _ROWS]) for start in range(0, len(snapshot.vectors), _ROWS)]
    return bool(np.array_equal(noted, np.array([*sums, _sum(snapshot.norms), _sum(snapshot.row_ids)], np.uint64)))


def _sum(array: npt.NDArray[Any]) -> int:
    """Return the sum of the bytes in words of 64 bits, modulo 2**64."""
    words = np.ascontiguousarray(array).reshape(-1).view(np.uint32)
    pairs = len(words) // 2 * 2
    return (int(words[:pairs].view(np.uint64).sum()) + int(words[pairs:].sum())) % (1 << 64)
