"""Which rows of one version conditions select, remembered for who asks again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from lookalike.search.filters import rows_where

if TYPE_CHECKING:
    from lookalike.search.view import Selection, View

_MOST, _MOST_BYTES = 64, 128 << 20
"""Conditions that are remembered, and the bytes of what they select: one of a hundred million rows."""


class Conditions:
    """Selects rows by conditions; may be used by several threads.

    Parameters
    ----------
    view : the rows.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Selection] = OrderedDict()

    def selection(self, condition: str) -> Selection:
        """Return which rows a condition selects; raises as :func:`lookalike.search.filters.rows_where` does."""
        with self._lock:
            if condition in self._known:
                self._known.move_to_end(condition)
                return self._known[condition]
        selection = self._view.select(rows_where(self._view.store, condition))
        with self._lock:
            self._known[condition] = selection
            while len(self._known) > _MOST or sum(_bytes(known) for known in self._known.values()) > _MOST_BYTES:
                self._known.popitem(last=False)
        return selection


def _bytes(selection: Selection) -> int:
    return sum(mask.nbytes for mask in selection)
