"""Which of several duplicates is worth keeping."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from lookalike.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy.typing as npt

    from lookalike.arrays import Positions
    from lookalike.search.all_rows import Rows

_ORIGINAL = ("unmarked", "first", "shallowest", "shortest")
"""What tells the original of pictures that are equally good, such as copies of one file."""
_RULES = {
    "best": ("pixels", "bytes", "oldest", *_ORIGINAL),
    "largest": ("bytes", "pixels", "oldest", *_ORIGINAL),
    "oldest": ("oldest", "pixels", "bytes", *_ORIGINAL),
    "newest": ("newest", "pixels", "bytes", *_ORIGINAL),
}
RULES = tuple(_RULES)
_COPY = re.compile(r"(?<![^\W_])(?:copy|copie|copia|kopie)(?![^\W\d_])|\(\d+\)$", re.IGNORECASE)
"""In the name of a file: as Windows, macOS and desktops of Linux name what they copy, and browsers what is there."""
_FILE_STAMP = re.compile(r"\d+:(\d{10,})(?:#|$)")
"""Of the item of a file; see :func:`lookalike.sources.names.file_ref`."""


def check_rule(rule: str) -> tuple[str, ...]:
    """Return what a rule compares, in order.

    Raises
    ------
    UnknownNameError : if there is no such rule.
    """
    if rule not in _RULES:
        kind = "rule of what to keep"
        raise UnknownNameError(kind, rule, RULES)
    return _RULES[rule]


def keeping_order(rows: Rows, rule: str = RULES[0]) -> Positions:
    """Return the positions of all rows, the one that is best to keep first.

    Parameters
    ----------
    rows : n rows.
    rule : ``best`` prefers more pixels, then more bytes, then the earlier shot; ``largest`` asks for bytes first;
        ``oldest`` and ``newest`` for the time of the shot, and what has none comes after what has one. Among equals,
        which copies of one file are, all prefer a name that does not call itself a copy (``copy``, ``- Copy (2)``,
        ``(1)``), then the file that was written first, then the path of fewer folders, then the shorter one, then the
        id that comes first.

    Raises
    ------
    UnknownNameError : if there is no such rule.
    """
    names = check_rule(rule)
    taken = _column(rows, "taken", lambda value: value.timestamp(), np.inf)
    keys = {
        "pixels": -_column(rows, "width", float, 0.0) * _column(rows, "height", float, 0.0),
        "bytes": -_column(rows, "size", float, 0.0),
        "oldest": taken,
        "newest": np.where(np.isfinite(taken), -taken, np.inf),
        "unmarked": _column(rows, "uri", _is_marked_copy, 0.0),
        "first": _column(rows, "stamp", _written, np.inf),
        "shallowest": _column(rows, "uri", lambda uri: uri.count("/"), 0.0),
        "shortest": _column(rows, "uri", len, 0.0),
    }
    return np.lexsort([keys[name] for name in reversed(names)]).astype(np.int64)


def ranks_of(order: Positions) -> Positions:
    """Return where in an order each position stands; shape (n,).

    Examples
    --------
    >>> ranks_of(np.array([2, 0, 1]))
    array([1, 2, 0])
    """
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def _is_marked_copy(uri: str) -> float:
    return float(_COPY.search(PurePosixPath(uri).stem) is not None)


def _written(stamp: str) -> float:
    """Return when a file was last written, in whole seconds: what is written together is of one age."""
    found = _FILE_STAMP.match(stamp)
    return float(int(found[1]) // 1_000_000_000) if found else np.inf


def _column(rows: Rows, name: str, number: Callable[[Any], float], otherwise: float) -> npt.NDArray[np.float64]:
    found = np.full(len(rows), otherwise)
    for positions, values in rows.values(name):
        found[positions] = [otherwise if value is None else number(value) for value in values]
    return found
