"""Tables: what is written is read, and what is damaged is refused. Byte equality: see test_index_file.py."""

from __future__ import annotations

import io

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.mobile.table_file import read_table, write_table


def written(entries) -> bytes:
    stream = io.BytesIO()
    assert write_table(stream, entries) == len(stream.getvalue())
    return stream.getvalue()


def test_all_entries_come_back_in_order():
    values = np.random.default_rng(0).integers(0, 256, 9_000, np.uint8).tobytes()
    entries = sorted((f"key{number}".encode(), values[:number]) for number in [*range(300), 9_000])
    found = read_table(memoryview(written(entries)))
    assert [(key, bytes(value)) for key, value in found.items()] == entries


def test_an_empty_table_is_one():
    assert read_table(memoryview(written([]))) == {}


@pytest.mark.parametrize("keys", [[b"b", b"a"], [b"a", b"a"], [b"M_2", b"M_10"]])
def test_keys_that_a_reader_would_not_find_are_refused(keys):
    with pytest.raises(ValueError, match="follows"):
        written([(key, b"") for key in keys])


def test_every_flipped_byte_of_a_block_is_noticed():
    data = bytearray(written([(b"a", b"some value"), (b"b", b"another")]))
    for position in range(30):
        damaged = bytearray(data)
        damaged[position] ^= 0x10
        with pytest.raises(InputError, match=r"differ from their checksum|compressed"):
            read_table(memoryview(damaged))


@pytest.mark.parametrize("size", [0, 20, 47, 100])
def test_a_table_that_is_cut_short_is_refused(size):
    data = written([(b"a", bytes(200))])
    with pytest.raises(InputError, match="export the gallery again"):
        read_table(memoryview(data[:size]))
    with pytest.raises(InputError, match="export the gallery again"):
        read_table(memoryview(data[size:][-60:]))
