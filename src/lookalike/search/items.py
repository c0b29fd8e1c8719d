"""Items of a gallery by their rows, without a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.search.hit import Hit
from lookalike.search.uris import full_uri

if TYPE_CHECKING:
    import pyarrow as pa

    from lookalike.gallery.lance_store import LanceStore


def item_columns(store: LanceStore) -> list[str]:
    """Return the columns that :func:`as_hits` takes."""
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
