"""One type for each attribute of a source whose rows are written without types."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lookalike.images.ref import Scalar

_LARGEST = 2**63


class Kinds:
    """Learns which type holds every value of an attribute, and brings the values to it.

    Whole numbers and others together are numbers; otherwise what is mixed is text. An attribute that ever holds a list
    or an object is left out.
    """

    def __init__(self) -> None:
        self._kinds: dict[str, type] = {}

    @property
    def names(self) -> list[str]:
        """The attributes seen, in their order."""
        return list(self._kinds)

    def learn(self, row: Mapping[str, Any]) -> None:
        """Take in the attributes of a row, as the ``json`` module returns them."""
        for name, value in row.items():
            kind = _kind(value)
            known = self._kinds.get(name, type(None))
            self._kinds[name] = known if known is kind else _joined(known, kind)

    def kind_of(self, name: str) -> type:
        """Return ``bool``, ``int``, ``float`` or ``str``; ``NoneType`` if there are no values, ``object`` if nested."""
        return self._kinds[name]

    def scalars(self, row: Mapping[str, Any], names: Iterable[str] | None = None) -> dict[str, Scalar]:
        """Return the attributes of a row in their types, without those that are left out.

        Parameters
        ----------
        row : learned.
        names : of the attributes; one that the row lacks is None. By default those that the row has.
        """
        wanted = row if names is None else names
        return {name: _as(self._kinds[name], row.get(name)) for name in wanted if self._kinds[name] is not object}


def _kind(value: Any) -> type:
    if isinstance(value, (list, dict)):
        return object
    if isinstance(value, int) and not isinstance(value, bool) and not -_LARGEST <= value < _LARGEST:
        return str
    return type(value)


def _joined(one: type, other: type) -> type:
    kinds = {one, other} - {type(None)}
    if len(kinds) == 1:
        return kinds.pop()
    if object in kinds:
        return object
    return float if kinds == {int, float} else str


def _as(kind: type, value: Any) -> Scalar:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    result: Scalar = kind(value)
    return result
