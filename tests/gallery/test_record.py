"""Attributes of any source as columns of a table."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import numpy as np
import pyarrow as pa
import pytest

from lookalike.errors import InputError
from lookalike.gallery.record import INTERNAL, Record, base_schema, column_name, new_columns, to_table

SCHEMA = base_schema(2)


def record(**attributes) -> Record:
    return Record("a", "./a", "d", "s", 3, attributes)


def table_of(*records, schema=SCHEMA):
    schema = pa.schema([*schema, *new_columns(records, schema)])
    return to_table(records, np.ones((len(records), 2), np.float32), schema)


def test_a_record_is_a_row():
    row = table_of(record(label="cat", width=4, folder="f", taken=datetime(2020, 1, 2))).to_pylist()[0]
    assert row == {
        "id": "a",
        "uri": "./a",
        "digest": "d",
        "size": 3,
        "stamp": "s",
        "embedding": [1.0, 1.0],
        "thumbnail": None,
        "folder": "f",
        "width": 4,
        "height": None,
        "taken": datetime(2020, 1, 2),
        "label": "cat",
    }


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, None], pa.bool_()),
        ([1, 2], pa.int64()),
        ([1, 0.5], pa.float64()),
        ([0.5, 1], pa.float64()),
        ([None, "x"], pa.string()),
        ([datetime(2020, 1, 1), None], pa.timestamp("s")),
    ],
)
def test_a_new_attribute_gets_a_column_of_its_type(values, kind):
    table = table_of(*(record(new=value) for value in values))
    assert table.schema.field("new").type == kind
    assert table["new"].to_pylist() == values


def test_an_attribute_without_any_value_gets_no_column():
    assert new_columns([record(new=None)], SCHEMA) == []


@pytest.mark.parametrize(
    "name", [*INTERNAL, "_rowid", "_rowaddr", "a.b", "a`b", "a'b", 'a"b', "a\nb", "", " x ", "ü x"]
)
def test_any_name_becomes_a_column_of_its_own(name):
    column = column_name(name)
    assert column not in INTERNAL
    assert column not in ("_rowid", "_rowaddr")
    assert table_of(record(**{name: 5}))[column].to_pylist() == [5]


@pytest.mark.parametrize(
    ("first", "second", "column"),
    [("a.b", "a_b", "a_b"), ("a_b", "a.b", "a_b"), ("a.b", "a/b", "a_b"), ("id", "id_", "id_"), (" x", "x ", "x")],
)
def test_two_attributes_that_one_column_would_hold_are_refused(first, second, column):
    said = re.escape(f"the attributes {first!r} and {second!r} would both be in the gallery's column {column!r}")
    together, apart = [record(**{first: 1, second: None})], [record(**{first: 1}), record(**{second: 2})]
    for records in (together, apart):
        with pytest.raises(InputError, match=said):
            table_of(*records)
    held = pa.schema([*SCHEMA, *new_columns([record(**{first: 1})], SCHEMA)])
    with pytest.raises(InputError, match=said):
        new_columns([record(**{second: 2})], held)
    assert new_columns([record(**{first: 2})], held) == []


def test_a_common_attribute_shares_its_column_with_no_other():
    with pytest.raises(InputError, match="'folder' and ' folder '"):
        new_columns([record(**{" folder ": "x"})], SCHEMA)


def test_a_column_of_an_earlier_version_takes_either_name():
    held = pa.schema([*SCHEMA, pa.field("a_b", pa.int64())])
    assert new_columns([record(**{"a.b": 1})], held) == new_columns([record(a_b=1)], held) == []


def test_times_are_kept_to_the_second_as_they_are_on_the_clock():
    moment = datetime(2020, 1, 2, 3, 4, 5, 999_999)
    aware = datetime(2020, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert (
        table_of(record(taken=moment), record(taken=aware))["taken"].to_pylist() == [datetime(2020, 1, 2, 3, 4, 5)] * 2
    )


def test_a_column_of_text_takes_anything_as_text():
    assert table_of(record(label="3"), record(label=4))["label"].to_pylist() == ["3", "4"]


@pytest.mark.parametrize(
    ("first", "second"),
    [(1, "x"), (1, 0.5), (True, 1), (1, True), (datetime(2020, 1, 1), 5), (0.5, "x"), (1, 2**63), (-(2**70), None)],
)
def test_a_conflict_of_types_names_the_attribute(first, second):
    schema = pa.schema([*SCHEMA, *new_columns([record(new=first)], SCHEMA)])
    with pytest.raises(InputError, match="'new'") as raised:
        table_of(record(new=first), record(new=second), schema=schema)
    assert "\n" not in str(raised.value)


def test_no_records_are_an_empty_table():
    assert len(to_table([], np.empty((0, 2), np.float32), SCHEMA)) == 0
