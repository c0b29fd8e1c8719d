"""The public surface is what ``__all__`` says, no more and no less."""

from __future__ import annotations

from types import ModuleType

import lookalike


def _is_submodule(name: str) -> bool:
    value = getattr(lookalike, name)
    return isinstance(value, ModuleType) and value.__name__ == f"lookalike.{name}"


def test_all_is_sorted_and_equals_the_names_that_completion_offers():
    offered = {name for name in dir(lookalike) if not name.startswith("_") and not _is_submodule(name)}
    assert list(lookalike.__all__) == sorted(offered | {name for name in lookalike.__all__ if name.startswith("__")})


def test_every_public_name_can_be_had():
    namespace: dict[str, object] = {}
    exec("from lookalike import *", namespace)  # as a user's notebook does
    assert set(lookalike.__all__) <= set(namespace)


def test_every_public_name_is_documented():
    undocumented = [
        name
        for name in lookalike.__all__
        if callable(getattr(lookalike, name)) and not getattr(lookalike, name).__doc__
    ]
    assert undocumented == []


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(lookalike, "no_such_name")
