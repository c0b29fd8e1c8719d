from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lookalike.errors import SourceError
from lookalike.sources.table_files import open_table


def columns(tmp_path, text, name="t.csv"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    table = open_table(tmp_path / name)
    rows = list(table.rows(list(table.columns)))
    return {column: [row[column] for row in rows] for column in table.columns}


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["1", "-2", ""], [1, -2, None]),
        (["1", "2.5", "nan"], [1.0, 2.5, None]),
        (["true", "False"], [True, False]),
        (["007", "12"], ["007", "12"]),
        (["0", "0.5"], [0.0, 0.5]),
        (["NA", "1"], ["NA", "1"]),
        (["2024-05-01", "2024-05-02 10:00:00.5"], [datetime(2024, 5, 1), datetime(2024, 5, 2, 10, 0, 0, 500_000)]),
        (["1", "x"], ["1", "x"]),
        (["99999999999999999999", "1"], [1e20, 1.0]),
        (['"two\nlines"', '"a ""quote"""'], ["two\nlines", 'a "quote"']),
    ],
)
def test_the_type_of_a_csv_column_holds_all_its_values(tmp_path, texts, values):
    found = columns(tmp_path, "k,v\n" + "".join(f"k,{text}\n" for text in texts))["v"]
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


def test_a_type_that_changes_late_is_noticed(tmp_path):
    count = 500_000
    found = columns(tmp_path, "a\n" + "123456789012345678\n" * count + "late\n")["a"]  # more than one block
    assert (len(found), found[0], found[-1]) == (count + 1, "123456789012345678", "late")


def test_marks_delimiters_and_repeated_names(tmp_path):
    assert columns(tmp_path, "\ufeffa;b\n1;2\n") == {"a": [1], "b": [2]}
    assert columns(tmp_path, "a,a\n1,2\n") == {"a": [1]}
    assert columns(tmp_path, "a;b\tc\n1;2\t3\n", "t.tsv") == {"a;b": ["1;2"], "c": [3]}


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": 1}, {"a": 2.5, "b": "]["}]',
        '{"a": 1}\n\n{"a": 2.5, "b": "]["}\n',
        '{"a":1}{"a":2.5,"b":"]["}',
        '\ufeff [ {"a": 1},\n{"a": 2.5, "b": "]["} ] \n',
    ],
)
def test_json_is_a_list_or_one_object_after_the_other(tmp_path, text):
    assert columns(tmp_path, text, "t.json") == {"a": [1.0, 2.5], "b": [None, "]["]}


def test_json_is_read_in_blocks(tmp_path):
    rows = [{"n": number, "text": "ä" * (number % 700)} for number in range(9000)]
    text = json.dumps(rows, ensure_ascii=False)
    assert len(text) > 3_000_000
    found = columns(tmp_path, text, "t.json")
    assert found == {"n": list(range(9000)), "text": [row["text"] for row in rows]}


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("t.json", b'[{"a": 1}, {"a": }]', "no valid JSON behind its object 1"),
        ("t.json", b'[{"a": 1}', "no valid JSON behind its object 1"),
        ("t.json", b"[" * 100_000, "no valid JSON behind its object 0"),
        ("t.jsonl", b'{"a": 1}\n[2]\n', r"should be JSON objects, and number 2 is not \(\[2\]\)"),
        ("t.json", b'{"a": "\xff"}', "the table cannot be read: 'utf-8' codec"),
        ("t.csv", b"a,b\n1\n", "the table cannot be read: .*Expected 2 columns, got 1"),
        ("t.csv", b"", "the table cannot be read: Empty CSV file"),
        ("t.csv", b"a\n\xff\n", "the table cannot be read: .*UTF8"),
        ("t.parquet", b"PAR1 no", "the table cannot be read|no parquet|Parquet"),
        ("t.parquet", b"", "the table cannot be read"),
    ],
)
def test_a_damaged_table_is_an_error_in_one_line(tmp_path, name, data, reason):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match=f"^[^\n]*{name}: [^\n]*{reason}[^\n]*$"):
        open_table(tmp_path / name)


def test_a_missing_table_is_an_error_in_one_line(tmp_path):
    for name in ("t.csv", "t.json", "t.parquet"):
        with pytest.raises(SourceError, match=r"No such file"):
            open_table(tmp_path / name)


MEASURE = """
import sys
from pathlib import Path
from lookalike.evaluation.memory import peak_bytes
from lookalike.sources.table import table_source
source = table_source(Path(sys.argv[1]), base=Path(sys.argv[1]).parent)
refs = list(source)
before = peak_bytes()
total = sum(len(source.read(ref)) for ref in refs)
print(total, (peak_bytes() - before) // 1_000_000)
"""


def test_pictures_of_one_large_row_group_are_not_held_all_at_once(tmp_path):
    data = np.random.default_rng(0).bytes(1_000_000)
    writer = pq.ParquetWriter(tmp_path / "t.parquet", pa.schema({"image": pa.binary()}), compression="none")
    with writer:
        writer.write_table(pa.table({"image": [data] * 500}), row_group_size=500)
    done = subprocess.run([sys.executable, "-c", MEASURE, tmp_path / "t.parquet"], capture_output=True, text=True)
    total, grown = map(int, done.stdout.split())
    assert total == 500_000_000
    assert grown < 300, "MB of memory, for 500 MB of pictures"
