"""What a gallery holds of an item, by its row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.search.hit import Hit
from lookalike.search.uris import full_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import pyarrow as pa

    from lookalike.gallery.lance_store import LanceStore
    from lookalike.images.ref import Scalar
    from lookalike.images.region import Box

_MOST_KEPT = 16_384
"""About a kilobyte each."""


def item_columns(store: LanceStore) -> list[str]:
    """Return the columns that :func:`as_hits` and :func:`fetch_items` take."""
    return ["id", "uri", "digest", *store.attributes]


def as_hits(rows: pa.Table, store: LanceStore) -> list[Hit]:
    """Return the items of rows as hits that nobody has scored, in the order of the rows."""
    attributes, base = store.attributes, store.location.base
    return [
        Hit(
            rank=1,
            id=row["id"],
            uri=full_uri(row["uri"], base),
            score=0.0,
            attributes={name: row[name] for name in attributes if row[name] is not None},
            digest=row["digest"],
        )
        for row in rows.to_pylist()
    ]


def item_named(item_id: str, store: LanceStore) -> Hit | None:
    """Return the item of that id as a hit that nobody has scored; None if the gallery has none."""
    found = as_hits(store.find(item_id, item_columns(store)), store)
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Item:
    """What is known of a row besides its embedding."""

    id: str
    uri: str
    attributes: Mapping[str, Scalar]
    digest: str

    @property
    def whole(self) -> Box | None:
        """All of its picture, if the size is known."""
        width, height = self.attributes.get("width"), self.attributes.get("height")
        return (0, 0, width, height) if isinstance(width, int) and isinstance(height, int) else None


class ItemCache:
    """The items of one version that were fetched last, which many queries have in common; for several threads.

    Parameters
    ----------
    store : pinned to the version.
    """

    def __init__(self, store: LanceStore) -> None:
        self._store = store
        self._known: dict[int, Item] = {}

    def fetch(self, row_ids: npt.NDArray[Any]) -> dict[int, Item]:
        """Return what :func:`fetch_items` does."""
        known = self._known
        items = {row_id: known[row_id] for row_id in row_ids.tolist() if row_id in known}
        if len(items) == len(row_ids):
            return items
        missing = np.array([row_id for row_id in row_ids.tolist() if row_id not in items], np.int64)
        fetched = fetch_items(self._store, missing)
        if len(known) + len(fetched) > _MOST_KEPT:
            self._known = known = {}  # who reads the other goes on with it
        if len(fetched) <= _MOST_KEPT:
            known.update(fetched)
        return items | fetched


def fetch_items(store: LanceStore, row_ids: npt.NDArray[Any]) -> dict[int, Item]:
    """Return the rows of those stable ids that still exist, by their ids."""
    table = store.take(row_ids.astype(np.uint64), item_columns(store))
    base = store.location.base
    items = {}
    for row in table.to_pylist():
        row_id = int(row.pop("_rowid"))
        uri = full_uri(row.pop("uri"), base)
        item, digest = row.pop("id"), row.pop("digest")
        items[row_id] = Item(item, uri, {name: value for name, value in row.items() if value is not None}, digest)
    return items
