"""The index that the ImageSearcher of the TFLite Task Library reads.

Messages and keys are those of ``tensorflow_lite_support/scann_ondevice`` in tensorflow/tflite-support
(``index_config.proto``, ``scann_ondevice_config.proto``, ``index_builder.cc``). The client believes what it reads: most
mistakes give wrong hits rather than an error, so whatever it does not check is checked here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import InputError
from lookalike.mobile import wire
from lookalike.mobile.table_file import read_table, write_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import BinaryIO

    import numpy.typing as npt

    from lookalike.arrays import Vectors

_CONFIG, _USER_INFO = b"INDEX_CONFIG", b"USER_INFO"
_FLOAT, _CODES = 1, 2
_SQUARED_L2, _DOT_PRODUCT, _UNSPECIFIED = 0, 1, 2
_LOOKUP_IN_FLOAT = 0
_MOST_CODES = 256


@dataclass(frozen=True, slots=True, eq=False)
class OnDeviceIndex:
    """Rows of unit length. Both ways to compare them with a query rank them as the cosine does."""

    rows: npt.NDArray[Any]
    """Shape (n, dim), float32; or (n, subspaces), uint8, the codes of product quantisation. By partition."""
    dim: int
    """Of the embeddings."""
    metadata: Sequence[bytes]
    """What a hit returns, for each row in the same order."""
    user_info: bytes = b""
    offsets: tuple[int, ...] = (0,)
    """Where each partition begins."""
    leaves: Vectors | None = None
    """Shape (partitions, dim): their centres; None: there is one partition."""
    fraction: float = 1.0
    """The share of partitions that a search looks into, above 0 and up to 1."""
    codebook: tuple[Vectors, ...] = ()
    """Of product quantisation: for each subspace its centres, shape (centres, dims of the subspace)."""
    is_dot: bool = False
    """Whether rows are compared by the inner product, for queries of any length, rather than the squared L2 distance.

    Codes are truer to the latter.
    """

    def __post_init__(self) -> None:
        reason = _flaw(self)
        if reason is not None:
            msg = f"these rows make no index for a phone: {reason}"
            raise InputError(msg)

    def __len__(self) -> int:
        return len(self.rows)

    def entries(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the keys and values of the table, in its order."""
        bounds = (*self.offsets, len(self))
        for key, number in _keys(b"E_", len(self.offsets)):
            yield key, self.rows[bounds[number] : bounds[number + 1]].tobytes()
        yield _CONFIG, _config(self)
        for key, number in _keys(b"M_", len(self)):
            yield key, self.metadata[number]
        yield _USER_INFO, self.user_info

    def write(self, stream: BinaryIO) -> int:
        """Write the index file and return its size in bytes."""
        return write_table(stream, self.entries())

    @classmethod
    def read(cls, data: memoryview) -> OnDeviceIndex:
        """Read an index file; float rows may be a view of ``data``.

        Raises
        ------
        InputError : if it is damaged, or compares rows in a way that this reader does not know.
        """
        table = read_table(data)
        try:
            return _parsed(table)
        except (KeyError, IndexError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            msg = f"the index lacks a part or has one of another size ({error}); export the gallery again"
            raise InputError(msg) from error


def _keys(prefix: bytes, count: int) -> list[tuple[bytes, int]]:
    return sorted((prefix + str(number).encode(), number) for number in range(count))


def _flaw(index: OnDeviceIndex) -> str | None:
    """Return what the client would not notice, and answer with other hits."""
    bounds = (*index.offsets, len(index))
    checks = (
        (len(index.metadata) == len(index), f"{len(index)} rows have {len(index.metadata)} entries of metadata"),
        (index.offsets[0] == 0 and list(bounds) == sorted(bounds), "the partitions do not follow one another"),
        (0 < index.fraction <= 1, f"a search would look into a share of {index.fraction} of the partitions"),
        (index.leaves is None or index.leaves.shape == (len(index.offsets), index.dim), "a partition lacks its centre"),
        (index.leaves is not None or len(index.offsets) == 1, "partitions without centres cannot be chosen"),
        (_is_finite(index), "an embedding is not finite; leave that item out"),
    )
    return next((reason for is_fine, reason in checks if not is_fine), None) or _flaw_of_rows(index)


def _flaw_of_rows(index: OnDeviceIndex) -> str | None:
    if not index.codebook:
        is_fine = index.rows.dtype == np.float32 and index.rows.shape[1] == index.dim
        return None if is_fine else f"rows of {index.rows.dtype} have {index.rows.shape[1]} numbers, not {index.dim}"
    counts = {len(centres) for centres in index.codebook}
    if len(counts) > 1 or not 1 <= max(counts) <= _MOST_CODES:
        return f"subspaces have {sorted(counts)} centres, and must all have as many, at most {_MOST_CODES}"
    if sum(centres.shape[1] for centres in index.codebook) != index.dim:
        return f"the subspaces together have not the {index.dim} dimensions of an embedding"
    if index.rows.dtype != np.uint8 or index.rows.shape[1] != len(index.codebook):
        return f"rows of {index.rows.dtype} have {index.rows.shape[1]} codes for {len(index.codebook)} subspaces"
    return None if index.rows.max(initial=0) < max(counts) else "a code names no centre"


def _is_finite(index: OnDeviceIndex) -> bool:
    arrays: list[npt.NDArray[Any]] = [*index.codebook, *([] if index.leaves is None else [index.leaves])]
    parts = [] if index.codebook else [index.rows[start : start + 4096] for start in range(0, len(index), 4096)]
    return all(bool(np.isfinite(array).all()) for array in (*arrays, *parts))


def _config(index: OnDeviceIndex) -> bytes:
    distance = _DOT_PRODUCT if index.is_dot else _SQUARED_L2
    scann = wire.whole(1, distance)
    if index.codebook:
        subspaces = b"".join(wire.blob(1, _entries(centres)) for centres in index.codebook)
        scann += wire.blob(2, wire.blob(1, subspaces + wire.whole(2, distance) + wire.whole(3, _LOOKUP_IN_FLOAT)))
    if index.leaves is not None:
        partitioner = _entries(index.leaves) + wire.real(2, index.fraction) + wire.whole(3, distance)
        scann += wire.blob(3, partitioner)
    kind = _CODES if index.codebook else _FLOAT
    # what is stored for a row, so of codes their number and not the dimension of the embedding
    stored = index.rows.shape[1]
    return wire.blob(1, scann) + wire.whole(2, kind) + wire.whole(3, stored) + wire.packed(4, index.offsets)


def _entries(vectors: Vectors) -> bytes:
    return b"".join(wire.blob(1, wire.blob(1, vector.astype("<f4").tobytes())) for vector in vectors)


def _parsed(table: Mapping[bytes, memoryview]) -> OnDeviceIndex:
    config = wire.read_message(table[_CONFIG])
    scann = wire.read_message(wire.blobs(config, 1)[0])
    distance = wire.number(scann, 1, _UNSPECIFIED)
    if distance not in (_SQUARED_L2, _DOT_PRODUCT):
        msg = "the index does not say how rows are compared; export the gallery again"
        raise InputError(msg)
    codebook = tuple(_vectors(subspace) for indexer in wire.blobs(scann, 2) for subspace in _subspaces(indexer))
    leaves, fraction = None, 1.0
    for data in wire.blobs(scann, 3):
        leaves = _vectors(data)
        bits = wire.number(wire.read_message(data), 2, 0x3F800000)
        fraction = float(np.uint32(bits).view(np.float32))
    offsets = tuple(wire.numbers(config, 4)) or (0,)
    width, dtype = wire.number(config, 3, 0), np.dtype(np.uint8 if codebook else "<f4")
    parts = [np.frombuffer(table[b"E_%d" % p], dtype).reshape(-1, width) for p in range(len(offsets))]
    rows = parts[0] if len(parts) == 1 else np.concatenate(parts)
    dim = sum(centres.shape[1] for centres in codebook) or width
    metadata = [bytes(table[b"M_%d" % row]) for row in range(len(rows))]
    user_info = bytes(table.get(_USER_INFO, b""))
    is_dot = distance == _DOT_PRODUCT
    return OnDeviceIndex(rows, dim, metadata, user_info, offsets, leaves, fraction, codebook, is_dot)


def _subspaces(indexer: memoryview) -> list[memoryview]:
    return [subspace for hashing in wire.blobs(wire.read_message(indexer), 1) for subspace in _children(hashing)]


def _children(data: memoryview) -> list[memoryview]:
    return wire.blobs(wire.read_message(data), 1)


def _vectors(data: memoryview) -> Vectors:
    """Return the entries of a message: a subspace with its centres, or a partitioner with its leaves."""
    return np.stack([np.frombuffer(_children(entry)[0], "<f4") for entry in _children(data)])
