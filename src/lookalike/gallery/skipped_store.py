"""The items that could not be indexed, with their reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import lance
import pyarrow as pa

from lookalike.gallery.commits import compact, merge
from lookalike.gallery.lance_errors import store_errors
from lookalike.gallery.lance_store import ids_filter
from lookalike.gallery.location import is_committed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.gallery.location import Location

CLOSED_FOLDER = "this folder cannot be entered; check its permissions"
"""The reason for a folder, which stands for all that is in it."""

_KEEP_OLD_VERSIONS = timedelta(minutes=1)  # a reader opens the newest version and reads all of it at once
_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("stamp", pa.string(), nullable=False),
        pa.field("when", pa.timestamp("s"), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class SkippedItem:
    """An item that was tried and not indexed, or a folder that could not be entered."""

    id: str
    uri: str
    reason: str
    stamp: str
    """What the item looked like then; empty if it is to be tried again in any case."""
    when: datetime | None = None


class SkippedStore:
    """The skipped items of one gallery; written only by who holds the writer lock."""

    def __init__(self, location: Location) -> None:
        self.location = location

    def items(self) -> list[SkippedItem]:
        """Return every skipped item, by id."""
        if not is_committed(self.location.skipped):
            return []
        with store_errors(self.location):
            rows = lance.dataset(str(self.location.skipped)).to_table().to_pylist()
        found = [SkippedItem(**row) for row in rows]
        return sorted(found, key=lambda item: item.id)

    def record(self, items: Sequence[SkippedItem]) -> None:
        """Add items, or replace those of the same ids, all or none."""
        now = datetime.now().replace(microsecond=0)
        rows = [{"id": i.id, "uri": i.uri, "reason": i.reason, "stamp": i.stamp, "when": now} for i in items]
        table = pa.Table.from_pylist(rows, schema=_SCHEMA)
        path = str(self.location.skipped)
        with store_errors(self.location):
            if not is_committed(self.location.skipped):
                lance.write_dataset(_SCHEMA.empty_table(), path)
            merge(lance.dataset(path), table)

    def forget(self, ids: Sequence[str]) -> None:
        """Remove items that have been indexed since, or are gone."""
        if ids and is_committed(self.location.skipped):
            with store_errors(self.location):
                lance.dataset(str(self.location.skipped)).delete(ids_filter(ids))

    def optimise(self) -> None:
        """Merge the small files that many commits leave, and drop versions that nobody reads any more."""
        if is_committed(self.location.skipped):
            with store_errors(self.location):
                table = lance.dataset(str(self.location.skipped))
                if len(table.get_fragments()) > 1:
                    compact(table)
                table.cleanup_old_versions(older_than=_KEEP_OLD_VERSIONS)
