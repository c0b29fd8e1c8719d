"""What a TFLite model says of itself to the client: ``metadata_schema.fbs`` of tensorflow/tflite-support.

The schema has no module that could be installed alone, so the few tables are written and read by the numbers of their
fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import InputError
from lookalike.mobile.flatbuffer import write_offsets
from lookalike.mobile.litert import flatbuffers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_IDENTIFIER = b"M001"
_MIN_PARSER_VERSION = "1.4.0"
"""The first that knows of index files."""
_IMAGE_PROPERTIES, _RGB, _NORMALISATION, _INDEX_FILE = 2, 1, 1, 6
# the fields of each table
_NAME, _DESCRIPTION, _SUBGRAPHS, _PARSER = 0, 1, 3, 7
_INPUTS, _OUTPUTS = 2, 3
_CONTENT, _PROCESS_UNITS, _FILES = 3, 4, 6
_UNION_TYPE, _UNION = 0, 1
_FILE_TYPE = 2
_MEAN, _STD = 0, 1


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """What the client has to know."""

    name: str
    description: str
    mean: tuple[float, ...] = ()
    """What is subtracted from the levels 0 to 255 of each channel, or of all; empty for a model of uint8."""
    std: tuple[float, ...] = ()
    """What they are divided by then."""
    index_file: str = ""
    """The name of the index in the archive behind the model; empty if it is elsewhere."""

    def to_bytes(self) -> bytes:
        """Return the flatbuffer."""
        builder = flatbuffers.Builder(1024)
        properties = _table(builder, {}, {0: _RGB})
        inputs: dict[int, int] = {_CONTENT: _table(builder, {_UNION: properties}, {_UNION_TYPE: _IMAGE_PROPERTIES})}
        if self.mean:
            options = _table(builder, {_MEAN: _floats(builder, self.mean), _STD: _floats(builder, self.std)})
            unit = _table(builder, {_UNION: options}, {_UNION_TYPE: _NORMALISATION})
            inputs[_PROCESS_UNITS] = write_offsets(builder, [unit])
        outputs: dict[int, int] = {_NAME: builder.CreateString("embedding")}
        if self.index_file:
            name = builder.CreateString(self.index_file)
            outputs[_FILES] = write_offsets(builder, [_table(builder, {_NAME: name}, {_FILE_TYPE: _INDEX_FILE})])
        tensors = {_INPUTS: inputs, _OUTPUTS: outputs}
        subgraph = _table(builder, {slot: write_offsets(builder, [_table(builder, t)]) for slot, t in tensors.items()})
        texts = {_NAME: self.name, _DESCRIPTION: self.description, _PARSER: _MIN_PARSER_VERSION}
        root = {slot: builder.CreateString(text) for slot, text in texts.items()}
        builder.Finish(
            _table(builder, {**root, _SUBGRAPHS: write_offsets(builder, [subgraph])}), file_identifier=_IDENTIFIER
        )
        return bytes(builder.Output())

    @classmethod
    def from_bytes(cls, data: bytes) -> ModelMetadata:
        """Read the flatbuffer.

        Raises
        ------
        InputError : if it is damaged.
        """
        try:
            return _read(data)
        except (IndexError, ValueError, TypeError, OverflowError, UnicodeDecodeError) as error:
            msg = "the model's metadata are damaged; export it again"
            raise InputError(msg) from error


def _table(builder: Any, offsets: Mapping[int, int], numbers: Mapping[int, int] | None = None) -> int:
    """Write a table of fields that lie elsewhere and of small numbers."""
    small = numbers or {}
    builder.StartObject(max((*offsets, *small), default=-1) + 1)
    for slot, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    for slot, number in small.items():
        builder.PrependUint8Slot(slot, number, 0)
    written: int = builder.EndObject()
    return written


def _floats(builder: Any, values: Sequence[float]) -> int:
    written: int = builder.CreateNumpyVector(np.array(values, np.float32))
    return written


def _read(data: bytes) -> ModelMetadata:
    root = _Table(data, int.from_bytes(data[:4], "little"))
    tensors = [t for subgraph in root.tables(_SUBGRAPHS)[:1] for t in subgraph.tables(_INPUTS)[:1]]
    units = [unit for tensor in tensors for unit in tensor.tables(_PROCESS_UNITS)]
    normalisation = [unit.table(_UNION) for unit in units if unit.number(_UNION_TYPE) == _NORMALISATION]
    outputs = [t for subgraph in root.tables(_SUBGRAPHS)[:1] for t in subgraph.tables(_OUTPUTS)]
    files = [file for tensor in outputs for file in tensor.tables(_FILES) if file.number(_FILE_TYPE) == _INDEX_FILE]
    return ModelMetadata(
        name=root.text(_NAME),
        description=root.text(_DESCRIPTION),
        mean=normalisation[0].floats(_MEAN) if normalisation else (),
        std=normalisation[0].floats(_STD) if normalisation else (),
        index_file=files[0].text(_NAME) if files else "",
    )


class _Table:
    """A table whose fields are read by their numbers."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._table = flatbuffers.table.Table(data, position)

    def number(self, slot: int) -> int:
        """Return a number of one byte."""
        at = self._field(slot)
        return self._data[at] if at else 0

    def text(self, slot: int) -> str:
        at = self._field(slot)
        return self._table.String(at).decode() if at else ""

    def table(self, slot: int) -> _Table:
        return _Table(self._data, self._table.Indirect(self._field(slot)))

    def tables(self, slot: int) -> list[_Table]:
        start, count = self._vector(slot)
        return [_Table(self._data, self._table.Indirect(start + 4 * i)) for i in range(count)]

    def floats(self, slot: int) -> tuple[float, ...]:
        start, count = self._vector(slot)
        values: list[float] = np.frombuffer(self._data, "<f4", count, start).tolist()
        return tuple(values)

    def _field(self, slot: int) -> int:
        """Return where a field is, or 0 if it is not set."""
        offset = self._table.Offset(4 + 2 * slot)
        return int(self._table.Pos + offset) if offset else 0

    def _vector(self, slot: int) -> tuple[int, int]:
        offset = self._table.Offset(4 + 2 * slot)
        if not offset:
            return 0, 0
        return int(self._table.Vector(offset)), int(self._table.VectorLen(offset))
