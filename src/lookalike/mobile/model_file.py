"""A model file with its metadata and, behind it, an archive with the index.

The metadata are a buffer of the model, and the index is an uncompressed ZIP entry behind its flatbuffer, as in
``tensorflow_lite_support/metadata`` of tensorflow/tflite-support.
"""

from __future__ import annotations

import io
import mmap
import struct
import zipfile
from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError
from lookalike.mobile.flatbuffer import write_bytes, write_offsets
from lookalike.mobile.litert import flatbuffers, schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

_METADATA = "TFLITE_METADATA"
_IDENTIFIER = b"TFL3"
_ALIGNMENT = 64
_OPERATOR_CODES, _SUBGRAPHS, _DESCRIPTION, _BUFFERS, _ENTRIES, _SIGNATURES = 1, 2, 3, 4, 6, 7
_LARGEST = (1 << 31) - 1
"""Bytes: flatbuffers are not verified beyond, so the client takes no larger file."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of the index, lest two exports of the same differ."""


def attach(model: bytes, metadata: bytes) -> bytes:
    """Return the model with metadata in the place of those that it had; its operators and weights stay as they are.

    Parameters
    ----------
    model : a model file; what lies behind its flatbuffer is dropped.
    metadata : see :class:`lookalike.mobile.model_metadata.ModelMetadata`.

    Raises
    ------
    InputError : if it is no TFLite model.

    Notes
    -----
    The offsets of a flatbuffer point forward. So a new root goes in front of the old bytes, and points to the parts of
    the old one. Weights that lie outside the flatbuffer, where the client does not look, are taken in.
    """
    core = without_archive(model)
    _check_mark(core)
    size = -(-len(core) // _ALIGNMENT) * _ALIGNMENT
    builder = flatbuffers.Builder(0)
    builder.Bytes, builder.head = bytearray(core.ljust(size, b"\0")), 0
    old = schema.Model.GetRootAs(core)

    def at(position: int) -> int:
        return size - position  # builders count from the end

    buffers = [_buffer(builder, model, old.Buffers(i), at) for i in range(old.BuffersLength())]
    buffers.append(_buffer_of(builder, metadata))
    entries = [old.Metadata(i) for i in range(old.MetadataLength())]
    kept = [at(other._tab.Pos) for other in entries if other.Name() != _METADATA.encode()]
    name = builder.CreateString(_METADATA)
    schema.MetadataStart(builder)
    schema.MetadataAddName(builder, name)
    schema.MetadataAddBuffer(builder, len(buffers) - 1)
    entry = schema.MetadataEnd(builder)
    slots = (_OPERATOR_CODES, _SUBGRAPHS, _DESCRIPTION, _SIGNATURES)
    fields = {slot: at(_target(old, slot)) for slot in slots if _target(old, slot)}
    fields[_BUFFERS] = write_offsets(builder, buffers)
    fields[_ENTRIES] = write_offsets(builder, [*kept, entry])
    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, old.Version())
    for slot, offset in fields.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    root = schema.ModelEnd(builder)
    builder.minalign = _ALIGNMENT
    builder.Finish(root, file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def metadata_of(model: bytes) -> bytes | None:
    """Return the metadata of a model, or None where it has none.

    Raises
    ------
    InputError : if it is no TFLite model, or damaged.
    """
    _check_mark(model)
    try:
        root = schema.Model.GetRootAs(model)
        entries = [root.Metadata(i) for i in range(root.MetadataLength())]
        found = [entry.Buffer() for entry in entries if entry.Name() == _METADATA.encode()]
        return bytes(root.Buffers(found[0]).DataAsNumpy()) if found else None
    except (struct.error, IndexError, TypeError, ValueError) as error:
        msg = f"the TFLite model is damaged ({error}); make it again"
        raise InputError(msg) from error


def without_archive(model: bytes) -> bytes:
    """Return a model file without the archive behind it."""
    try:
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            return model[: min((info.header_offset for info in archive.infolist()), default=len(model))]
    except zipfile.BadZipFile:
        return model


def append_index(path: Path, name: str, write: Callable[[BinaryIO], int]) -> None:
    """Append an index to a model file.

    Parameters
    ----------
    path : the model, without an archive.
    name : as the metadata say.
    write : writes the index into a stream.
    """
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive, archive.open(entry, "w", force_zip64=False) as to:
        write(to)  # type: ignore[arg-type]  # a stream that is only written to


def check_size(size: int) -> None:
    """Refuse a file that the client would not open.

    Raises
    ------
    InputError : if it has 2 GiB or more.
    """
    if size > _LARGEST:
        msg = (
            f"the file would have {size / 1e9:.1f} GB, and a phone opens none of 2 GiB or more; export fewer rows "
            "with --where, or an index of codes with --index pq"
        )
        raise InputError(msg)


def mapped_index(path: Path, name: str) -> memoryview:
    """Return an index behind a model as it lies in the file, mapped into memory.

    Raises
    ------
    InputError : if there is none of that name, or it is compressed, which the client does not read either.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(name)
    except (KeyError, zipfile.BadZipFile) as error:
        msg = f"{path.name} names an index {name} and has none behind its model; export the gallery again"
        raise InputError(msg) from error
    if info.compress_type != zipfile.ZIP_STORED:
        msg = f"the index in {path.name} is compressed, which no client reads; export the gallery again"
        raise InputError(msg)
    data = mapped(path)
    name_length, extra_length = struct.unpack_from("<HH", data, info.header_offset + 26)
    start = info.header_offset + 30 + name_length + extra_length
    return data[start : start + info.file_size]


def mapped(path: Path) -> memoryview:
    """Return the content of a file, mapped into memory."""
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _check_mark(model: bytes) -> None:
    if model[4:8] != _IDENTIFIER:
        msg = "this is no TFLite model (it lacks the mark TFL3); give a .tflite file"
        raise InputError(msg)


def _target(model: Any, slot: int) -> int:
    """Return where a field of the root points to, or 0 if it is not set."""
    offset = model._tab.Offset(4 + 2 * slot)
    return int(model._tab.Indirect(model._tab.Pos + offset)) if offset else 0


def _buffer(builder: Any, model: bytes, buffer: Any, at: Callable[[int], int]) -> int:
    if buffer.Offset() <= 1:
        return at(buffer._tab.Pos)
    return _buffer_of(builder, model[buffer.Offset() : buffer.Offset() + buffer.Size()])


def _buffer_of(builder: Any, data: bytes) -> int:
    vector = write_bytes(builder, data)
    schema.BufferStart(builder)
    schema.BufferAddData(builder, vector)
    written: int = schema.BufferEnd(builder)
    return written
