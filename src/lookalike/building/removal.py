"""Take items out of a gallery that a user names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.building.report import Removal
from lookalike.building.tiling import drop_tiles_of_removed
from lookalike.gallery.lance_errors import store_errors
from lookalike.gallery.lock import writer_lock
from lookalike.gallery.skipped_store import SkippedStore
from lookalike.search.selection import select
from lookalike.search.snapshot import remove_leftovers
from lookalike.search.upkeep import renew

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lookalike.gallery.lance_store import LanceStore
    from lookalike.search.selection import Choice


def remove(store: LanceStore, choice: Choice, on_wait: Callable[[str], None]) -> Removal:
    """Remove the items that are meant; files are left alone, and a source that lists them brings them back.

    Parameters
    ----------
    store : the gallery.
    choice : which items; nothing is removed if one of its names fits none.
    on_wait : see :func:`lookalike.gallery.lock.writer_lock`.

    Raises
    ------
    InputError : see :func:`lookalike.search.selection.select`.
    StoreError : if the gallery cannot be written.
    """
    with writer_lock(store.location, on_wait):
        store.refresh()
        remove_leftovers(store)
        skipped = SkippedStore(store.location)
        failed = skipped.items()
        selected = select(store, failed, choice)
        if selected.ids:
            take_out(store, selected.ids)
        gone = {*selected.ids, *selected.skipped}
        skipped.forget([item.id for item in failed if item.id in gone])
    return Removal(selected.ids, len(store), len(selected.ids))


def take_out(store: LanceStore, ids: Sequence[str]) -> None:
    """Remove the items of those ids; only for who holds the writer lock and reads the newest version.

    Raises
    ------
    StoreError : if the gallery cannot be written.
    """
    store.delete(ids)
    store.optimise()
    drop_tiles_of_removed(store)
    with store_errors(store.location):
        renew(store)


def would_remove(store: LanceStore, choice: Choice) -> Removal:
    """Return what :func:`remove` would remove, and leave it."""
    store.refresh()
    selected = select(store, SkippedStore(store.location).items(), choice)
    return Removal(selected.ids, len(store), 0)
