"""The wire format, against the examples of its documentation."""

from __future__ import annotations

import pytest

from lookalike.errors import InputError
from lookalike.mobile import wire


def test_documented_examples():
    assert wire.whole(1, 150) == bytes.fromhex("089601")
    assert wire.blob(2, b"testing") == bytes.fromhex("120774657374696e67")
    assert wire.packed(6, [3, 270, 86942]) == bytes.fromhex("3206038e029ea705")
    assert wire.real(1, 1.0) == bytes.fromhex("0d0000803f")


def test_numbers_are_read_packed_or_one_by_one():
    message = wire.read_message(memoryview(wire.packed(4, [0, 300]) + wire.whole(4, 7)))
    assert wire.numbers(message, 4) == [0, 300, 7]
    assert wire.number(message, 9, 5) == 5


@pytest.mark.parametrize("data", [b"\x08", b"\x0b\x00", b"\x08\xff\xff"])
def test_what_is_no_message_is_refused(data):
    with pytest.raises(InputError, match="damaged configuration"):
        wire.read_message(memoryview(data))
