"""The wire format of protocol buffers: https://protobuf.dev/programming-guides/encoding.

The few messages that are written and read here do not merit the runtime, whose versions exclude one another.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeAlias

from lookalike.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

Message: TypeAlias = "dict[int, list[int | memoryview]]"
"""The values of each field: numbers, raw bits of fixed numbers, and bytes."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def varint(value: int) -> bytes:
    """Return a number from 0 on as a variable-length integer."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def read_varint(data: memoryview, position: int) -> tuple[int, int]:
    """Return the number at a position, and the position behind it.

    Raises
    ------
    IndexError : if the data ends within it.
    """
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7


def whole(field: int, value: int) -> bytes:
    """Return a field that is a number from 0 on or an enumeration."""
    return varint(field << 3 | _VARINT) + varint(value)


def real(field: int, value: float) -> bytes:
    """Return a field that is a ``float``."""
    return varint(field << 3 | _FIXED32) + struct.pack("<f", value)


def blob(field: int, value: bytes) -> bytes:
    """Return a field that is a string, bytes, a message or packed numbers."""
    return varint(field << 3 | _BYTES) + varint(len(value)) + value


def packed(field: int, values: Sequence[int]) -> bytes:
    """Return a field of packed numbers from 0 on; nothing where there are none."""
    return blob(field, b"".join(map(varint, values))) if values else b""


def read_message(data: memoryview) -> Message:
    """Take a message apart into its fields.

    Raises
    ------
    InputError : if it is none.
    """
    message: Message = {}
    position = 0
    try:
        while position < len(data):
            tag, position = read_varint(data, position)
            kind = tag & 7
            value: int | memoryview
            if kind == _VARINT:
                value, position = read_varint(data, position)
            elif kind == _BYTES:
                size, position = read_varint(data, position)
                value, position = data[position : position + size], position + size
            elif kind in (_FIXED32, _FIXED64):
                size = 4 if kind == _FIXED32 else 8
                value, position = int.from_bytes(data[position : position + size], "little"), position + size
            else:
                raise IndexError
            message.setdefault(tag >> 3, []).append(value)
    except IndexError as error:
        msg = "the index has a damaged configuration; export the gallery again"
        raise InputError(msg) from error
    return message


def numbers(message: Message, field: int) -> list[int]:
    """Return repeated numbers, whether packed or not."""
    found: list[int] = []
    for value in message.get(field, []):
        if isinstance(value, int):
            found.append(value)
            continue
        position = 0
        while position < len(value):
            number, position = read_varint(value, position)
            found.append(number)
    return found


def number(message: Message, field: int, default: int) -> int:
    """Return a number, the last where it stands repeatedly."""
    value = message.get(field, [default])[-1]
    return value if isinstance(value, int) else default


def blobs(message: Message, field: int) -> list[memoryview]:
    """Return repeated bytes."""
    return [value for value in message.get(field, []) if isinstance(value, memoryview)]
