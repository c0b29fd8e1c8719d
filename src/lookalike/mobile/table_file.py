"""A sorted table of keys and values: LevelDB's table format (``doc/table_format.md`` in google/leveldb).

A searcher's index is one such table with plain keys, without the log, the manifest and the key suffixes of a database.
It is written uncompressed; tables with Snappy blocks, which other tools write, are not read.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from lookalike.errors import InputError
from lookalike.mobile.crc32c import crc32c
from lookalike.mobile.wire import read_varint, varint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
_FOOTER_SIZE = 48
_BLOCK_SIZE = 4096
_RESTART_EVERY = 16
_UNCOMPRESSED = b"\0"
_TRAILER_SIZE = 5
_MASK_DELTA = 0xA282EAD8
_DAMAGED = "the index is no LevelDB table, or damaged ({}); export the gallery again"


class _Block:
    """Entries under construction; a key says how much it shares with the one before it."""

    def __init__(self, restart_every: int = _RESTART_EVERY) -> None:
        self._restart_every = restart_every
        self._parts: list[bytes] = []
        self._restarts = [0]
        self._since_restart = 0
        self._length = 0
        self.last_key = b""

    def __bool__(self) -> bool:
        return bool(self._parts)

    @property
    def size(self) -> int:
        return self._length + 4 * len(self._restarts) + 4

    def add(self, key: bytes, value: bytes) -> None:
        shared = 0
        if self._since_restart == self._restart_every:
            self._restarts.append(self._length)
            self._since_restart = 0
        elif self._parts:
            shared = _common(self.last_key, key)
        head = varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:]
        self._parts += (head, value)
        self._length += len(head) + len(value)
        self._since_restart += 1
        self.last_key = key

    def finish(self) -> bytes:
        restarts = struct.pack(f"<{len(self._restarts) + 1}I", *self._restarts, len(self._restarts))
        return b"".join([*self._parts, restarts])


def write_table(stream: BinaryIO, entries: Iterable[tuple[bytes, bytes]]) -> int:
    """Write a table and return its size in bytes.

    Parameters
    ----------
    stream : written from where it stands.
    entries : keys, strictly ascending as bytes, with their values. One block is in memory at a time; it holds a value
        of any size as a whole.

    Raises
    ------
    ValueError : if the keys do not ascend: a reader would not find them.
    """
    index = _Block(restart_every=1)
    block = _Block()
    written = 0
    waiting: tuple[bytes, bytes] | None = None  # the last key of a written block, and where the block is
    last: bytes | None = None
    for key, value in entries:
        if last is not None and key <= last:
            msg = f"the key {key!r} follows {last!r}"
            raise ValueError(msg)
        if waiting is not None:
            index.add(_separator(waiting[0], key), waiting[1])
            waiting = None
        block.add(key, value)
        last = key
        if block.size >= _BLOCK_SIZE:
            handle, written = _write_block(stream, block, written)
            waiting, block = (key, handle), _Block()
    if block:
        handle, written = _write_block(stream, block, written)
        waiting = (block.last_key, handle)
    meta, written = _write_block(stream, _Block(), written)
    if waiting is not None:
        index.add(_successor(waiting[0]), waiting[1])
    handle, written = _write_block(stream, index, written)
    stream.write((meta + handle).ljust(_FOOTER_SIZE - len(_MAGIC), b"\0") + _MAGIC)
    return written + _FOOTER_SIZE


def read_table(data: memoryview) -> Mapping[bytes, memoryview]:
    """Return the entries of a table, in the order of the keys; the values are views of ``data``.

    Raises
    ------
    InputError : if it is no whole, uncompressed table, or its bytes differ from their checksums.
    """
    if len(data) < _FOOTER_SIZE or bytes(data[-len(_MAGIC) :]) != _MAGIC:
        raise InputError(_DAMAGED.format("it does not end as one"))
    try:
        _, position = _handle(data[-_FOOTER_SIZE:], 0)
        index, _ = _handle(data[-_FOOTER_SIZE:], position)
        handles = [_handle(handle, 0)[0] for _, handle in _entries(_block(data, index))]
        return {key: value for handle in handles for key, value in _entries(_block(data, handle))}
    except (IndexError, struct.error) as error:
        raise InputError(_DAMAGED.format("it is cut short")) from error


def _write_block(stream: BinaryIO, block: _Block, position: int) -> tuple[bytes, int]:
    """Write a block; returns its handle, and the position behind it."""
    content = block.finish() + _UNCOMPRESSED
    stream.write(content)
    stream.write(struct.pack("<I", _masked(crc32c(content))))
    size = len(content) - len(_UNCOMPRESSED)
    return varint(position) + varint(size), position + size + _TRAILER_SIZE


def _masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def _handle(data: memoryview, position: int) -> tuple[tuple[int, int], int]:
    offset, position = read_varint(data, position)
    size, position = read_varint(data, position)
    return (offset, size), position


def _block(data: memoryview, handle: tuple[int, int]) -> memoryview:
    offset, size = handle
    content = data[offset : offset + size + 1]
    (crc,) = struct.unpack_from("<I", data, offset + size + 1)
    if content[size] != _UNCOMPRESSED[0]:
        msg = "the index is compressed, and only uncompressed ones can be read; write it without compression"
        raise InputError(msg)
    if crc != _masked(crc32c(content)):
        raise InputError(_DAMAGED.format("its bytes differ from their checksum"))
    return content[:size]


def _entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    (restarts,) = struct.unpack_from("<I", block, len(block) - 4)
    end = len(block) - 4 - 4 * restarts
    position, key = 0, b""
    while position < end:
        shared, position = read_varint(block, position)
        own, position = read_varint(block, position)
        size, position = read_varint(block, position)
        key = key[:shared] + bytes(block[position : position + own])
        yield key, block[position + own : position + own + size]
        position += own + size


def _common(first: bytes, second: bytes) -> int:
    length = min(len(first), len(second))
    return next((i for i in range(length) if first[i] != second[i]), length)


def _separator(last: bytes, following: bytes) -> bytes:
    """Return a short key from ``last`` on that is smaller than ``following``."""
    shared = _common(last, following)
    if shared < min(len(last), len(following)) and last[shared] < 0xFF and last[shared] + 1 < following[shared]:
        return last[:shared] + bytes([last[shared] + 1])
    return last


def _successor(last: bytes) -> bytes:
    """Return a short key that is not smaller than ``last``."""
    for position, byte in enumerate(last):
        if byte != 0xFF:
            return last[:position] + bytes([byte + 1])
    return last
