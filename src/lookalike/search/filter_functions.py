"""The functions that a condition may call."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lookalike.search.filter_tokens import FilterError
from lookalike.search.filter_values import Kind, Value, as_fraction, as_time

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class _Function:
    takes: tuple[Kind, ...]
    gives: Kind
    sql: str
    """With the arguments in braces."""


_TEXT = (Kind.TEXT,)
_TEXTS = (Kind.TEXT, Kind.TEXT)
_MATCHES = _Function(_TEXTS, Kind.TRUTH, "regexp_like({}, {})")
FUNCTIONS = {
    "lower": _Function(_TEXT, Kind.TEXT, "lower({})"),
    "upper": _Function(_TEXT, Kind.TEXT, "upper({})"),
    "length": _Function(_TEXT, Kind.WHOLE, "cast(length({}) as bigint)"),
    "starts_with": _Function(_TEXTS, Kind.TRUTH, "starts_with({}, {})"),
    "ends_with": _Function(_TEXTS, Kind.TRUTH, "ends_with({}, {})"),
    "contains": _Function(_TEXTS, Kind.TRUTH, "contains({}, {})"),
    "regexp_like": _MATCHES,
    "regexp_match": _MATCHES,
    "abs": _Function((Kind.FRACTION,), Kind.FRACTION, "abs({})"),
    "round": _Function((Kind.FRACTION,), Kind.FRACTION, "round({})"),
    **{
        part: _Function((Kind.TIME,), Kind.WHOLE, f"cast(date_part('{part}', {{}}) as bigint)")
        for part in ("year", "month", "day", "hour")
    },
}


def call(name: str, arguments: Sequence[Value]) -> Value:
    """Return what a function gives.

    Raises
    ------
    FilterError : if there is no such function, or it takes other values.
    """
    function = FUNCTIONS.get(name.lower())
    if function is None:
        close = difflib.get_close_matches(name.lower(), FUNCTIONS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(FUNCTIONS)}"
        msg = f"there is no function {name!r} ({hint})"
        raise FilterError(msg)
    taken = [_as(kind, value) for kind, value in zip(function.takes, arguments, strict=False)]
    if len(arguments) != len(function.takes) or tuple(value.kind for value in taken) != function.takes:
        expected = ", ".join(kind.value for kind in function.takes)
        found = ", ".join(f"{value.shown}: {value.kind.value}" for value in arguments)
        msg = f"{name} takes ({expected}), not ({found})"
        raise FilterError(msg)
    return Value(function.sql.format(*(value.sql for value in taken)), function.gives, f"{name}(...)")


def _as(kind: Kind, value: Value) -> Value:
    if kind is Kind.TIME:
        return as_time(value)
    return as_fraction(value) if kind is Kind.FRACTION and value.kind is Kind.WHOLE else value
