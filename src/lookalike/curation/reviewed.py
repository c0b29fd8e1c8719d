"""Pairs of items that somebody looked at and found to be no duplicates: they stay reviewed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from lookalike.gallery.lance_errors import store_errors

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lookalike.gallery.location import Location

_FILE = "reviewed.jsonl"


def reviewed_pairs(location: Location) -> set[tuple[str, str]]:
    """Return the pairs of ids, the smaller one first; a line that was cut off counts for nothing."""
    path = _path(location)
    found = set()
    with store_errors(location):
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in lines:
        try:
            one, other = json.loads(line)["not_duplicates"]
        except (ValueError, KeyError, TypeError):
            continue
        found.add((min(one, other), max(one, other)))
    return found


def add_reviewed(location: Location, ids: Iterable[str]) -> None:
    """Note that of those items no two are duplicates; only for who holds the writer lock.

    Raises
    ------
    StoreError : if it cannot be written.
    """
    known, names = reviewed_pairs(location), sorted(set(ids))
    pairs = [(one, other) for i, one in enumerate(names) for other in names[i + 1 :] if (one, other) not in known]
    with store_errors(location):
        path = _path(location)
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            for pair in pairs:
                file.write("\n" * _lacks_newline(path) + json.dumps({"not_duplicates": pair}) + "\n")
                file.flush()
            os.fsync(file.fileno())


def _lacks_newline(path: Path) -> bool:
    """Say whether the last line was cut off by a crash."""
    data = path.read_bytes()
    return bool(data) and not data.endswith(b"\n")


def _path(location: Location) -> Path:
    return location.curation / _FILE
