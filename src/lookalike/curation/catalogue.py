"""What is compared of the items of a gallery: bytes, fingerprints and embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookalike.curation.fingerprint_table import FingerprintTable, digest_keys, picture_of
from lookalike.errors import LookalikeError
from lookalike.search.all_rows import Rows, all_rows
from lookalike.search.items import as_hits, item_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from lookalike.arrays import Positions
    from lookalike.building.report import Failure, Progress
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.images.decode import Pixels
    from lookalike.images.limits import Limits
    from lookalike.search.hit import Hit

_FETCHED = 4_096


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The items of one version of a gallery, in the order of their ids."""

    rows: Rows
    digests: npt.NDArray[np.uint64]
    """Shape (n,): the first 64 bits of each."""
    table: FingerprintTable
    places: Positions
    """Shape (n,): where the fingerprints are in the table; -1 for a picture without features, or that is not read."""
    hashes: npt.NDArray[np.uint8]
    """Shape (n, 8): of the fingerprints; anything where there is none."""
    unreadable: Sequence[Failure]
    limits: Limits

    def __len__(self) -> int:
        return len(self.rows)

    def fingerprints(self, positions: Positions) -> npt.NDArray[np.uint8]:
        """Return the fingerprints of items that have one; shape (m, 1152)."""
        return self.table.take(self.places[positions])

    def items(self, positions: Positions) -> Iterator[Hit]:
        """Yield items by their positions, as hits that nobody has scored."""
        store = self.rows.store
        for start in range(0, len(positions), _FETCHED):
            distinct, back = np.unique(positions[start : start + _FETCHED], return_inverse=True)
            hits = as_hits(store.take_in_order(self.rows.row_ids[distinct], item_columns(store)), store)
            yield from (hits[i] for i in back)

    def picture(self, position: int) -> Pixels | None:
        """Return the picture of an item at a reduced size; None if it cannot be read any more."""
        store = self.rows.store
        row = store.take(self.rows.row_ids[[position]], ["uri", "digest", "thumbnail"]).to_pylist()[0]
        try:
            return picture_of(row, store.location, self.limits)
        except LookalikeError:
            return None


def read_catalogue(store: LanceStore, limits: Limits, progress: Progress) -> Catalogue:
    """Read what is compared of a gallery; fingerprints that are missing are made.

    Memory holds 40 bytes for each item; embeddings are mapped from a file.

    Raises
    ------
    StoreError : if the gallery cannot be read, or the fingerprints not be written.
    """
    rows = all_rows(store)
    digests = np.zeros(len(rows), np.uint64)
    for positions, values in rows.values("digest"):
        digests[positions] = digest_keys(values)
    table = FingerprintTable(store.location)
    unreadable = table.update(rows.store, limits, progress)
    known, (hashes, has_features) = table.digests(), table.hashes()
    order = np.argsort(known, kind="stable")
    at = np.searchsorted(known, digests, sorter=order)
    places = order[np.minimum(at, max(len(known) - 1, 0))] if len(known) else np.zeros(len(rows), np.int64)
    is_found = known[places] == digests if len(known) else np.zeros(len(rows), np.bool_)
    is_found[is_found] = has_features[places[is_found]]
    kept = hashes[places] if len(known) else np.zeros((len(rows), 8), np.uint8)
    return Catalogue(rows, digests, table, np.where(is_found, places, -1), kept, unreadable, limits)
