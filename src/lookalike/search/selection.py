"""Which items of a gallery a user means by their names, by a condition, or by their files being gone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookalike.errors import InputError
from lookalike.search.filters import rows_where
from lookalike.search.named_items import NamedItems
from lookalike.search.uris import full_uri
from lookalike.sources.names import original

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from lookalike.gallery.lance_store import LanceStore
    from lookalike.gallery.skipped_store import SkippedItem


@dataclass(frozen=True, slots=True)
class Choice:
    """What a user asks for; an item is meant if it fits all that is given."""

    names: Sequence[str] | None = None
    """An item fits if it fits one of them; see :class:`lookalike.search.named_items.NamedItems`."""
    where: str | None = None
    """A condition; see :mod:`lookalike.search.filters`."""
    missing: bool = False
    """Only items that are files of their own which do not exist any more."""


@dataclass(frozen=True, slots=True)
class Selected:
    """The ids of the items that are meant, in order."""

    ids: tuple[str, ...]
    """In the gallery."""
    skipped: tuple[str, ...]
    """That could not be indexed; also folders that could not be entered."""


def select(store: LanceStore, skipped: Iterable[SkippedItem], choice: Choice) -> Selected:
    """Return the items that are meant.

    Parameters
    ----------
    store : the gallery.
    skipped : what could not be indexed; as nothing is known of these, they fit no condition.
    choice : what the user asks for.

    Raises
    ------
    InputError : if that is nothing, if a name or the condition fits nothing, or if the condition cannot be used.
    """
    if choice.names is None and choice.where is None and not choice.missing:
        msg = "nothing was named: name ids, paths, folders or patterns, or select with `where` or `missing`"
        raise InputError(msg)
    if any(not name.strip() for name in choice.names or ()):
        msg = "an empty name was given; name ids, paths, folders or patterns"
        raise InputError(msg)
    named = None if choice.names is None else NamedItems(choice.names, store)
    allowed = None if choice.where is None else rows_where(store, choice.where)

    def fits(item_id: str, uri: str) -> bool:
        # what is named is looked for first, so that names which fit nothing show
        return (named is None or named.mean(item_id, uri)) and not (
            choice.missing and _is_there(uri, store.location.base)
        )

    failed = [item.id for item in skipped if fits(item.id, item.uri)]
    found = []
    for item_id, uri, row_id in _rows(store):
        if fits(item_id, uri):
            found.append((item_id, row_id))
    if named is not None and named.unused:
        msg = (
            f"the gallery holds nothing that {named.unused[0]!r} means; name a path, a folder or a pattern, from the "
            "working folder on, or id:ID"
        )
        raise InputError(msg)
    if allowed is not None:
        failed, kept = [], np.isin(np.array([row_id for _, row_id in found], np.uint64), allowed)
        found = [item for item, is_kept in zip(found, kept, strict=True) if is_kept]
        if len(allowed) == 0 or not (found or choice.missing):
            among = "" if named is None else " among the items that are named"
            msg = (
                f"the gallery holds nothing that fits {choice.where!r}{among}; see `lookalike info` for the attributes"
            )
            raise InputError(msg)
    return Selected(tuple(sorted(item_id for item_id, _ in found)), tuple(sorted(failed)))


def _rows(store: LanceStore) -> Iterator[tuple[str, str, int]]:
    for batch in store.scan(["id", "uri"]):
        yield from zip(*(batch[name].to_pylist() for name in ("id", "uri", "_rowid")), strict=True)


def _is_there(stored: str, base: Path) -> bool:
    """Say whether an item's file exists, or is none of its own, or may not be looked at."""
    path = original(full_uri(stored, base))
    if not os.path.isabs(path):  # noqa: PTH117 - galleries are long
        return True
    try:
        os.stat(path)  # noqa: PTH116 - see above
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True
