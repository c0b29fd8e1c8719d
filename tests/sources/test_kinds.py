from __future__ import annotations

import json

import pytest

from lookalike.sources.kinds import Kinds


@pytest.mark.parametrize(
    ("values", "typed"),
    [
        ([1, 2, None], [1, 2, None]),
        ([1, 2.5], [1.0, 2.5]),
        ([True, False], [True, False]),
        ([True, 2], ["True", "2"]),
        ([1, "x", 2.5], ["1", "x", "2.5"]),
        ([None, None], [None, None]),
        ([float("nan"), 1.0], [None, 1.0]),
        ([2**63 - 1, 1], [2**63 - 1, 1]),
        ([2**63, 1], [str(2**63), "1"]),
    ],
)
def test_one_type_holds_all_values(values, typed):
    kinds = Kinds()
    for value in values:
        kinds.learn({"a": value})
    found = [kinds.scalars({"a": value})["a"] for value in values]
    assert found == typed
    assert [type(value) for value in found] == [type(value) for value in typed]


def test_nested_values_are_left_out_and_missing_ones_are_none():
    kinds = Kinds()
    rows = [json.loads('{"a": 1, "b": [1]}'), json.loads('{"b": "x", "c": {"d": 1}}')]
    for row in rows:
        kinds.learn(row)
    assert kinds.names == ["a", "b", "c"]
    assert kinds.scalars(rows[1]) == {}
    assert kinds.scalars(rows[1], ["a", "b"]) == {"a": None}
