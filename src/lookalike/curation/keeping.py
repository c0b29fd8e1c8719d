"""Which of several duplicates is worth keeping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lookalike.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy.typing as npt

    from lookalike.arrays import Positions
    from lookalike.search.all_rows import Rows

_RULES = {
    "best": ("pixels", "bytes", "oldest", "shallowest", "shortest"),
    "largest": ("bytes", "pixels", "oldest", "shallowest", "shortest"),
    "oldest": ("oldest", "pixels", "bytes", "shallowest", "shortest"),
    "newest": ("newest", "pixels", "bytes", "shallowest", "shortest"),
}
RULES = tuple(_RULES)


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
    rule : ``best`` prefers more pixels, then more bytes, then the earlier shot, then the path of fewer folders,
        then the shorter one; ``largest`` asks
        for bytes first; ``oldest`` and ``newest`` for the time of the shot, and what has none comes after what has one.

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


def _column(rows: Rows, name: str, number: Callable[[Any], float], otherwise: float) -> npt.NDArray[np.float64]:
    found = np.full(len(rows), otherwise)
    for positions, values in rows.values(name):
        found[positions] = [otherwise if value is None else number(value) for value in values]
    return found
