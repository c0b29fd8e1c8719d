"""What the gallery holds already, in 33 bytes an item."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from lookalike.gallery.lance_store import LanceStore

    Hashes = npt.NDArray[np.uint64]

_CHUNK = 4_096


class Inventory:
    """Looks up the items of a gallery at one version, and remembers which of them a source listed.

    Ids, stamps and digests are held as 64-bit hashes. Among a hundred million items two ids collide with a probability
    of 0.0003, and that does harm only if their stamps collide as well.
    """

    def __init__(self, store: LanceStore) -> None:
        self._store = store
        ids, stamps, digests, rows = [], [], [], []
        for batch in store.scan(["id", "stamp", "digest"]):
            ids.append(_hashes(batch["id"].to_pylist()))
            stamps.append(_hashes(batch["stamp"].to_pylist()))
            digests.append(_hashes(batch["digest"].to_pylist()))
            rows.append(batch["_rowid"].to_numpy())
        order = np.argsort(_joined(ids))
        self._ids = _joined(ids)[order]
        self._stamps = _joined(stamps)[order]
        self._rows = _joined(rows)[order]
        by_digest = np.argsort(_joined(digests))
        self._digests = _joined(digests)[by_digest]
        self._digest_rows = _joined(rows)[by_digest]
        self._listed = np.zeros(len(self._ids), np.bool_)

    def list(self, item_id: str) -> int | None:
        """Note that a source lists an item, and return its row id if the gallery holds it."""
        place = _find(self._ids, item_id)
        if place is None:
            return None
        self._listed[place] = True
        return int(self._rows[place])

    def has_stamp(self, item_id: str, stamp: str) -> bool:
        """Say whether the gallery holds the item with that very stamp."""
        place = _find(self._ids, item_id)
        return place is not None and int(self._stamps[place]) == _hash(stamp)

    def rows_with_digest(self, digest: str) -> Hashes:
        """Return the row ids of items that very probably have that digest; to be checked against the row itself."""
        wanted = np.uint64(_hash(digest))
        return self._digest_rows[bisect_left(self._digests, wanted) : bisect_right(self._digests, wanted)]

    def unlisted(self) -> Iterator[Sequence[tuple[str, str]]]:
        """Yield the ids and stamps of the items that no source listed, in chunks."""
        rows = self._rows[~self._listed]
        for start in range(0, len(rows), _CHUNK):
            found = self._store.take(np.sort(rows[start : start + _CHUNK]), ["id", "stamp"])
            yield list(zip(found["id"].to_pylist(), found["stamp"].to_pylist(), strict=True))


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _hashes(texts: Sequence[str]) -> Hashes:
    return np.fromiter((_hash(text) for text in texts), np.uint64, len(texts))


def _joined(parts: Sequence[Hashes]) -> Hashes:
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def _find(sorted_hashes: Hashes, text: str) -> int | None:
    wanted = np.uint64(_hash(text))
    # NumPy's search lets other threads go first, each time, and decoders take their time
    place = bisect_left(sorted_hashes, wanted)
    return place if place < len(sorted_hashes) and sorted_hashes[place] == wanted else None
