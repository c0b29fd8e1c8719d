from __future__ import annotations

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lookalike.errors import SourceError
from lookalike.sources.row_window import RowWindow


@pytest.fixture
def window(tmp_path):
    values = [None if row % 7 == 0 else f"{row}".encode() * (row % 50) for row in range(3000)]
    pq.write_table(pa.table({"n": range(3000), "x": values}), tmp_path / "t.parquet", row_group_size=700)
    return RowWindow(tmp_path / "t.parquet", "x"), values


@pytest.mark.parametrize("order", ["forwards", "backwards", "jumping", "nearly in order"])
def test_rows_are_had_in_any_order(window, order):
    window, values = window
    rows = list(range(0, len(values), 1 if order != "backwards" else 97))
    if order == "backwards":
        rows.reverse()
    elif order == "jumping":
        rows = random.Random(1).sample(rows, 30)
    elif order == "nearly in order":
        rows.sort(key=lambda row: row + random.Random(row).randrange(60))
    assert [window[row] for row in rows] == [values[row] for row in rows]


def test_there_is_no_row_behind_the_last(window):
    window, values = window
    with pytest.raises(LookupError):
        window[len(values)]
    assert window[1] == values[1]


def test_a_damaged_page_is_an_error_of_its_rows(tmp_path):
    path = tmp_path / "t.parquet"
    table = pa.table({"x": [bytes([row]) * 4000 for row in range(100)]})
    pq.write_table(table, path, row_group_size=50, compression="gzip", use_dictionary=False)
    start = pq.ParquetFile(path).metadata.row_group(0).column(0).data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + 200] = b"\xff" * 200
    path.write_bytes(data)
    window = RowWindow(path, "x")
    with pytest.raises(SourceError, match=r"t\.parquet: the table cannot be read|Couldn't deserialize"):
        window[3]
    assert window[60] == bytes([60]) * 4000
