"""CRC-32C against the examples of RFC 3720 (appendix B.4), and long data against short."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.mobile import crc32c as module
from lookalike.mobile.crc32c import crc32c


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_published_examples(data, expected):
    assert crc32c(data) == expected


@pytest.mark.parametrize("size", [(1 << 16) - 1, 1 << 16, (1 << 16) + 4097, 300_001])
def test_lanes_give_what_one_byte_after_another_gives(size, monkeypatch):
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    in_lanes = crc32c(data)
    monkeypatch.setattr(module, "_LANES_FROM", size + 1)
    assert crc32c(data) == in_lanes
