"""The values in a condition: their kinds, and how two kinds are compared."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

import pyarrow as pa

from lookalike.gallery.record import INTERNAL
from lookalike.search.filter_tokens import FilterError
from lookalike.sources.names import absolute

if TYPE_CHECKING:
    from pathlib import Path

_OPEN = ("id", "uri", "size")
"""Columns that are no attributes, and can be used all the same."""
_TIME = re.compile(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?)?)?")
_MOST_WHOLE = (1 << 63) - 1


class Kind(Enum):
    """What a value is, for people."""

    TEXT = "a text"
    WHOLE = "a whole number"
    FRACTION = "a number"
    TRUTH = "true or false"
    TIME = "a time"


NUMBERS = (Kind.WHOLE, Kind.FRACTION)


@dataclass(frozen=True, slots=True)
class Value:
    """A value in a condition."""

    sql: str
    """As the table reads it."""
    kind: Kind
    shown: str
    """As the user wrote it."""
    literal: str | None = None
    """What is written, if it is a text or a number and no attribute."""


def columns_of(schema: pa.Schema, base: Path) -> dict[str, Value]:
    """Return the columns that conditions may name: ``id``, ``uri`` and ``size``, and the attributes.

    Parameters
    ----------
    schema : of the table.
    base : the folder that the URIs in the table are relative to.
    """
    names = [*_OPEN, *(name for name in schema.names if name not in INTERNAL)]
    kinds = {name: _kind(schema.field(name).type) for name in names}
    columns = {name: Value(f"`{name}`", kind, name) for name, kind in kinds.items() if kind is not None}
    folder = text(f"{absolute(base).rstrip(os.sep)}{os.sep}".replace("$", "$$")).sql
    columns["uri"] = replace(columns["uri"], sql=f"regexp_replace(`uri`, '^[.]/', {folder})")  # as hits show it
    return columns


def comparable(left: Value, right: Value) -> tuple[Value, Value]:
    """Return two values as the table compares them.

    Raises
    ------
    FilterError : if they do not compare.
    """
    if left.kind is Kind.TIME or right.kind is Kind.TIME:
        left, right = as_time(left), as_time(right)
    if left.kind in NUMBERS and right.kind in NUMBERS and left.kind is not right.kind:
        return as_fraction(left), as_fraction(right)
    if left.kind is not right.kind:
        msg = f"{left.shown} is {left.kind.value}, and {right.shown} is {right.kind.value}"
        raise FilterError(msg)
    return left, right


def number(written: str) -> Value:
    """Return a number that is written out."""
    if written.isdecimal() and int(written) <= _MOST_WHOLE:
        return Value(written, Kind.WHOLE, written, written)
    value = float(written)
    if math.isinf(value):
        msg = f"{written} is larger than any number that is stored"
        raise FilterError(msg)
    return Value(repr(value), Kind.FRACTION, written, written)


def text(value: str) -> Value:
    """Return a text that is written out."""
    quoted = "'" + value.replace("'", "''") + "'"
    return Value(quoted, Kind.TEXT, quoted, value)


def as_time(value: Value) -> Value:
    """Return a text that is written out as the time that it says; other values as they are.

    Raises
    ------
    FilterError : if it is no time.
    """
    if value.kind is not Kind.TEXT or value.literal is None:
        return value
    parts = _TIME.fullmatch(value.literal.strip())
    try:
        if parts is None:
            raise ValueError
        year, month, day, hour, minute, second = (int(part) if part else None for part in parts.groups())
        moment = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0)
    except ValueError as error:
        msg = f"{value.shown} is no time; write it as '2024-05-01' or '2024-05-01 12:30:00'"
        raise FilterError(msg) from error
    return replace(value, sql=f"timestamp '{moment.isoformat(' ')}'", kind=Kind.TIME)


def as_fraction(value: Value) -> Value:
    """Return a number as one that may have a fraction."""
    if value.kind is Kind.FRACTION:
        return value
    return replace(value, sql=f"cast({value.sql} as double)", kind=Kind.FRACTION)


def _kind(column: pa.DataType) -> Kind | None:
    types = pa.types
    checks = (
        (types.is_string, Kind.TEXT),
        (types.is_integer, Kind.WHOLE),
        (types.is_floating, Kind.FRACTION),
        (types.is_boolean, Kind.TRUTH),
        (types.is_timestamp, Kind.TIME),
    )
    return next((kind for holds, kind in checks if holds(column)), None)
