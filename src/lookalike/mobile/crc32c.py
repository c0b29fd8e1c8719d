"""The checksum of LevelDB's tables: CRC-32C (Castagnoli), RFC 3720 appendix B.4."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_POLYNOMIAL = 0x82F63B78
_ALL_ONES = 0xFFFFFFFF
_LANES = 4096
_LANES_FROM = 1 << 16
"""Bytes from which on lanes are quicker than one byte after another."""


def _table() -> npt.NDArray[np.uint32]:
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = np.where(values & 1, (values >> 1) ^ np.uint32(_POLYNOMIAL), values >> 1)
    return values


_TABLE = _table()
_TABLE_LIST: list[int] = _TABLE.tolist()


def crc32c(data: bytes | memoryview) -> int:
    """Return the checksum, from 0 to 2**32 - 1.

    Examples
    --------
    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    length = len(data) // _LANES if len(data) >= _LANES_FROM else 0
    register = _ALL_ONES
    if length:
        lanes = np.frombuffer(data, np.uint8, _LANES * length).reshape(_LANES, length)
        register = _joined(*_run(lanes), register)
    for byte in memoryview(data)[_LANES * length :]:
        register = _TABLE_LIST[(register ^ byte) & 0xFF] ^ (register >> 8)
    return register ^ _ALL_ONES


def _run(lanes: npt.NDArray[np.uint8]) -> tuple[list[int], list[int]]:
    """Return the registers after each lane, begun at zero, and what each bit of a register becomes meanwhile."""
    registers = np.zeros(len(lanes) + 32, np.uint32)
    registers[len(lanes) :] = np.uint32(1) << np.arange(32, dtype=np.uint32)
    column = np.zeros(len(registers), np.uint8)
    for i in range(lanes.shape[1]):
        column[: len(lanes)] = lanes[:, i]
        registers = _TABLE[(registers ^ column) & 0xFF] ^ (registers >> 8)
    return registers[: len(lanes)].tolist(), registers[len(lanes) :].tolist()


def _joined(lanes: list[int], bits: list[int], register: int) -> int:
    """Return the register after all lanes in turn: the checksum is linear over bits."""
    for lane in lanes:
        joined = lane
        for bit, image in enumerate(bits):
            if register >> bit & 1:
                joined ^= image
        register = joined
    return register
