"""Conditions that clients may use."""

from __future__ import annotations

import contextlib

from lookalike.errors import InputError
from lookalike.search.filter_tokens import FilterError, tokens_of


def check_condition(condition: str) -> None:
    """Refuse a condition over ``uri``: by asking often enough, a client would learn the paths of the server's disk.

    Raises
    ------
    InputError : if it is one.
    """
    with contextlib.suppress(FilterError):  # the search says what is wrong with it
        for token in tokens_of(condition):
            if token.kind in ("word", "name") and token.value.lower() == "uri":
                msg = f"the condition {condition!r} cannot be used: a server answers none over uri; use id"
                raise InputError(msg)
