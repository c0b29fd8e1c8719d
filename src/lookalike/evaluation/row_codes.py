"""What the rows of a gallery are, such as their labels, as numbers that arrays hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lookalike.arrays import Positions
    from lookalike.search.all_rows import Rows


def learned_codes(rows: Rows, column: str, codes: dict[str, int]) -> Positions:
    """Return the code of each row's value in a column, as text; new values get the next codes.

    Parameters
    ----------
    rows : n of them.
    column : of the gallery.
    codes : from 0; is added to.

    Returns
    -------
    Shape (n,); -1 where a row has no value.
    """
    found = np.full(len(rows), -1)
    for positions, values in rows.values(column):
        found[positions] = [-1 if value is None else codes.setdefault(str(value), len(codes)) for value in values]
    return found


def known_codes(rows: Rows, column: str, codes: Mapping[str, int]) -> Positions:
    """Return the code of each row's value in a column; shape (n,), -1 where it has none."""
    found = np.full(len(rows), -1)
    for positions, values in rows.values(column):
        found[positions] = [codes.get(value, -1) for value in values]
    return found


def places_of(ids: Mapping[str, int], rows: Rows) -> Positions:
    """Return where the rows of some ids are.

    Parameters
    ----------
    ids : to their own places, from 0, in some other order.
    rows : of a gallery.

    Returns
    -------
    Shape (number of ids,): the position in ``rows`` of the id at each place; -1 where the gallery has no such id.
    """
    own = known_codes(rows, "id", ids)
    places = np.full(len(ids), -1)
    at = np.flatnonzero(own >= 0)
    places[own[at]] = at
    return places


def ids_of(rows: Rows) -> dict[str, int]:
    """Return the ids of rows, to their positions."""
    return {
        item: place for positions, ids in rows.values("id") for place, item in zip(positions.tolist(), ids, strict=True)
    }
