"""What the writers of flatbuffers here share (https://flatbuffers.dev/internals)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALIGNMENT = 16
"""What LiteRT's schema asks for the data of buffers."""


def write_bytes(builder: Any, data: bytes) -> int:
    """Write a vector of bytes, aligned as the data of a model's buffer; returns where it is."""
    builder.StartVector(1, len(data), _ALIGNMENT)
    builder.head -= len(data)
    builder.Bytes[builder.head : builder.head + len(data)] = data
    written: int = builder.EndVector()
    return written


def write_offsets(builder: Any, offsets: Sequence[int]) -> int:
    """Write a vector of what lies elsewhere; returns where it is."""
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    written: int = builder.EndVector()
    return written
