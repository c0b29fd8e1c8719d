"""Files of a gallery moved away and back, with their items."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from lookalike.building.removal import take_out
from lookalike.building.report import Failure
from lookalike.curation.moves import (
    Move,
    Moved,
    close_journal,
    holds,
    move_all,
    move_back,
    new_journal,
    newest_journal,
    trash_of,
)
from lookalike.curation.reviewed import add_reviewed
from lookalike.errors import InputError
from lookalike.exports.destination import check_folder
from lookalike.gallery.lance_errors import store_errors
from lookalike.gallery.lance_store import ids_filter
from lookalike.gallery.lock import waiting_for, writer_lock
from lookalike.search.item_picture import is_file
from lookalike.search.upkeep import renew
from lookalike.sources.names import is_below, original

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lookalike.gallery.lance_store import LanceStore
    from lookalike.gallery.location import Location
    from lookalike.search.hit import Hit

_FETCHED = 1_000


@dataclass(frozen=True, slots=True)
class Going:
    """An item whose file is to be moved away."""

    item: Hit
    stays: Sequence[Hit]
    """What it is a duplicate of, and stays: if none of that is there any more, the item stays too."""

    def hindrance(self, known: dict[str, bool]) -> str:
        """Return why the file stays where it is; empty if nothing is known against moving it.

        Parameters
        ----------
        known : of files that stay, whether they are what was indexed; what is found out is added.
        """
        if not is_file(self.item.uri):
            return "it is no file of its own"
        same = ""
        for kept in self.stays:
            if not is_file(kept.uri):
                return ""
            if _is_same_file(self.item, kept):
                same = f"it is the very file of {kept.id}, by another name"
            elif _is_intact(kept, known):
                return ""
        names = " and ".join(kept.id for kept in self.stays)
        return same or f"{names}, which it is a duplicate of, is gone or has changed; index again"


def told_apart(items: Sequence[Going]) -> tuple[list[Hit], list[Failure]]:
    """Return the items that can go, and those that stay with the reason; nothing is moved."""
    known: dict[str, bool] = {}
    hindrances = [(going.item, going.hindrance(known)) for going in items]
    free = [item for item, why in hindrances if not why]
    return free, [Failure(item.uri, why) for item, why in hindrances if why]


def _is_same_file(one: Hit, other: Hit) -> bool:
    try:
        return os.path.samefile(original(one.uri), original(other.uri))  # noqa: PTH121  (of texts)
    except OSError:
        return False


def _is_intact(item: Hit, known: dict[str, bool]) -> bool:
    if item.id not in known:
        try:
            known[item.id] = holds(Path(original(item.uri)), item.digest)
        except OSError:
            known[item.id] = False
    return known[item.id]


def move_away(
    store: LanceStore, items: Sequence[Going], folder: str | Path | None, report: Callable[[str], None] = lambda _: None
) -> Moved:
    """Move the files of items away and take the items out; see :meth:`lookalike.api.duplicates.Duplicates.move`."""
    location = store.location
    target = None if folder is None else checked_folder(folder, location)
    if not items:
        return Moved([], [])
    with writer_lock(location, lambda holder: report(waiting_for(holder))):
        store.refresh()
        journal = new_journal(location)
        target = target or trash_of(location, journal)
        free, staying = told_apart(items)
        moves = [_move(item, target, location) for item in free]
        rows = _rows(store, [move.id for move in moves])
        with store_errors(location):
            moved = move_all(journal, rows, moves)
        if moved.moves:
            take_out(store, [move.id for move in moved.moves])
    return Moved(moved.moves, [*staying, *moved.failed])


def undo_move(store: LanceStore, report: Callable[[str], None]) -> Moved:
    """Move the files of the last move back; see :meth:`lookalike.api.gallery_tools.GalleryTools.undo`."""
    location = store.location
    with writer_lock(location, lambda holder: report(waiting_for(holder))):
        journal = newest_journal(location)
        with store_errors(location):
            moved, in_place = move_back(journal)
        store.refresh()
        # what was brought back before may have come into the gallery since, with other labels
        back = {move.id for move in moved.moves}
        ids = in_place["id"].to_pylist()
        is_wanted = [item in back or not store.has(item) for item in ids]
        returning = in_place.filter(pa.array(is_wanted, pa.bool_()))
        if len(returning):
            store.restore(returning)
            with store_errors(location):
                renew(store, report)
        if not moved.failed:
            with store_errors(location):
                close_journal(journal)
    return moved


def keep_apart(store: LanceStore, ids: Sequence[str], report: Callable[[str], None]) -> None:
    """Note that items are no duplicates; see :meth:`lookalike.api.gallery_tools.GalleryTools.not_duplicates`."""
    names = [name.removeprefix("id:") for name in ids]
    if len(set(names)) < 2:
        msg = "name at least two items that are no duplicates of each other, by the ids that `duplicates` prints"
        raise InputError(msg)
    for name in names:
        if not store.has(name):
            msg = f"there is no item {name!r} in the gallery; name items by the ids that `duplicates` prints"
            raise InputError(msg)
    with writer_lock(store.location, lambda holder: report(waiting_for(holder))):
        add_reviewed(store.location, names)


def checked_folder(path: str | Path, location: Location) -> Path:
    """Return the folder that files are to be moved to, as an absolute path.

    Raises
    ------
    InputError : if it lies in the folder of the gallery, or cannot be written to.
    """
    folder = Path(path).absolute()
    if is_below(str(folder), str(location.base)) or folder == location.base:
        msg = (
            f"{str(folder)!r} lies in the folder of the gallery, which would index the files again; name another "
            "folder, or take the gallery's own trash"
        )
        raise InputError(msg)
    check_folder(folder)
    return folder


def _move(item: Hit, target: Path, location: Location) -> Move:
    source = Path(original(item.uri))
    inside = is_below(str(source), str(location.base))
    # what lies elsewhere keeps its whole path, so that no two files go to one place
    relative = source.relative_to(location.base) if inside else source.relative_to(source.anchor)
    return Move(item.id, item.digest, str(source), str(target / relative))


def _rows(store: LanceStore, ids: Sequence[str]) -> pa.Table:
    schema = store.table.schema
    parts = [
        store.table.to_table(filter=ids_filter(ids[start : start + _FETCHED])) for start in range(0, len(ids), _FETCHED)
    ]
    return pa.concat_tables(parts) if parts else schema.empty_table()
