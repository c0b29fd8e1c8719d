"""The conditions that narrow a search: a part of SQL, checked here, so that the table sees only what it can answer.

::

    condition  = and-chains joined by OR; an and-chain is predicates joined by AND; NOT and (...) as usual
    predicate  = value = != <> < <= > >= value | value IS [NOT] NULL|TRUE|FALSE | value [NOT] IN (value, ...)
               | value [NOT] BETWEEN value AND value | value [NOT] LIKE|ILIKE 'pattern' | a value that is true or false
    value      = numbers with + - * / %, 'texts', attributes ("with any name" in double quotes), functions of these

A text that is compared with a time is read as one: ``taken >= '2024-05'``. Whole numbers divide as fractions do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.errors import ConditionError, InputError
from lookalike.search.filter_parser import Parser
from lookalike.search.filter_tokens import FilterError
from lookalike.search.filter_values import columns_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from lookalike.gallery.lance_store import LanceStore

_FAILS = "it fails on items of this gallery, as a damaged regular expression does"


def rows_where(store: LanceStore, condition: str) -> npt.NDArray[np.uint64]:
    """Return the stable ids of the rows that a condition selects; shape (n,), uint64.

    Parameters
    ----------
    store : the gallery.
    condition : over ``id``, ``uri``, ``size`` and the attributes; see above.

    Raises
    ------
    ConditionError : if it is no such condition; the message says where it goes wrong and what the attributes are.
    StoreError : if the gallery cannot be read.
    """
    columns = columns_of(store.schema, store.location.base)
    try:
        compiled = Parser(condition, columns).compiled()
    except FilterError as error:
        raise ConditionError(condition, str(error), columns) from error
    try:
        return store.row_ids(where=compiled)
    except InputError as error:
        raise ConditionError(condition, _FAILS, columns) from error
