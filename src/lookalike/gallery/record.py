"""One row of the gallery, and the columns it is stored in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lookalike.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lookalike.arrays import Vectors
    from lookalike.images.ref import Scalar

EMBEDDING = "embedding"
THUMBNAIL = "thumbnail"
INTERNAL = ("id", "uri", "digest", "size", "stamp", EMBEDDING, THUMBNAIL)
"""Columns that are not attributes of the item."""

SEEN = ("width", "height", "taken")
"""Attributes that are read from the image itself."""
_COMMON_ATTRIBUTES = (
    pa.field("folder", pa.string()),
    pa.field("width", pa.int64()),
    pa.field("height", pa.int64()),
    pa.field("taken", pa.timestamp("s")),
)
_COMMON_NAMES = frozenset(field.name for field in _COMMON_ATTRIBUTES)
_ATTRIBUTE = b"attribute"
_SEPARATORS = re.compile(r"[.`\x00-\x1f\\/\"']")


@dataclass(frozen=True, slots=True)
class Record:
    """An indexed item without its embedding."""

    id: str
    uri: str
    digest: str
    """Hexadecimal digest of the encoded bytes."""
    stamp: str
    size: int
    """In bytes."""
    attributes: Mapping[str, Scalar]
    thumbnail: bytes | None = None
    """A small JPEG, for items whose bytes cannot be had again by a path."""


def column_name(attribute: str) -> str:
    """Return the column that holds an attribute: its name, changed only where the store could not keep it."""
    name = _SEPARATORS.sub("_", attribute).strip() or "_"
    return f"{name}_" if name in INTERNAL or name.startswith("_row") else name


def base_schema(dim: int) -> pa.Schema:
    """Return the columns that every gallery has."""
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("uri", pa.string(), nullable=False),
            pa.field("digest", pa.string(), nullable=False),
            pa.field("size", pa.int64(), nullable=False),
            pa.field("stamp", pa.string(), nullable=False),
            pa.field(EMBEDDING, pa.list_(pa.float32(), dim), nullable=False),
            pa.field(THUMBNAIL, pa.binary()),
            *_COMMON_ATTRIBUTES,
        ]
    )


def new_columns(records: Iterable[Record], schema: pa.Schema) -> list[pa.Field]:
    """Return the columns that the records' attributes need and the schema lacks.

    Each notes in its metadata which attribute it holds.

    Raises
    ------
    InputError : if two attributes would be in one column.
    """
    owners = {field.name: _attribute_of(field) for field in schema}
    found: dict[str, pa.DataType] = {}
    for record in records:
        for name, value in record.attributes.items():
            column = column_name(name)
            owner = owners.get(column) or name
            if owner != name:
                msg = (
                    f"the attributes {owner!r} and {name!r} would both be in the gallery's column {column!r}; "
                    "rename one of them in the source"
                )
                raise InputError(msg)
            owners[column] = name
            if column in schema.names or value is None:
                continue
            kind = _arrow_type(value)
            # an integer that is followed by a float was a float that happened to be whole
            if column not in found or (found[column] == pa.int64() and kind == pa.float64()):
                found[column] = kind
    return [pa.field(column, kind, metadata={_ATTRIBUTE: owners[column]}) for column, kind in found.items()]


def to_table(records: Sequence[Record], embeddings: Vectors, schema: pa.Schema) -> pa.Table:
    """Return the rows as a table of that schema.

    Parameters
    ----------
    records : n records.
    embeddings : shape (n, dim).
    schema : holds a column for every attribute.

    Raises
    ------
    InputError : if an attribute has another type than its column, or a value that it cannot hold.
    """
    columns: dict[str, Any] = {
        "id": [record.id for record in records],
        "uri": [record.uri for record in records],
        "digest": [record.digest for record in records],
        "size": [record.size for record in records],
        "stamp": [record.stamp for record in records],
        THUMBNAIL: [record.thumbnail for record in records],
    }
    attributes = [{column_name(name): value for name, value in r.attributes.items()} for r in records]
    arrays = []
    for field in schema:
        if field.name == EMBEDDING:
            flat = pa.array(embeddings.reshape(-1), pa.float32())
            arrays.append(pa.FixedSizeListArray.from_arrays(flat, embeddings.shape[1]))
            continue
        values = columns.get(field.name) or [_coerce(row.get(field.name), field) for row in attributes]
        arrays.append(_array(values, field))
    return pa.Table.from_arrays(arrays, schema=schema)


def _attribute_of(field: pa.Field) -> str | None:
    """Return the attribute that a column holds; None where an earlier version did not note it."""
    if field.name in _COMMON_NAMES:
        return str(field.name)
    noted = (field.metadata or {}).get(_ATTRIBUTE)
    return None if noted is None else noted.decode()


def _array(values: Sequence[Any], field: pa.Field) -> pa.Array:
    try:
        return pa.array(values, field.type)
    except (ArithmeticError, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        msg = f"the gallery cannot hold a value of {field.name!r} as {field.type} ({reason}); convert it in the source"
        raise InputError(msg) from error


def _arrow_type(value: Scalar) -> pa.DataType:
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int):
        return pa.int64()
    if isinstance(value, float):
        return pa.float64()
    if isinstance(value, date):
        return pa.timestamp("s")
    return pa.string()


def _coerce(value: Scalar, field: pa.Field) -> Scalar:
    if value is None:
        return None
    if pa.types.is_string(field.type):
        return value if isinstance(value, str) else str(value)
    if pa.types.is_timestamp(field.type) and isinstance(value, datetime):
        # columns hold wall-clock time, as cameras record it; seconds are what they record
        local = value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value
        return local.replace(microsecond=0)
    kind = _arrow_type(value)
    if kind == field.type or (pa.types.is_floating(field.type) and kind == pa.int64()):
        return value
    msg = (
        f"the attribute {field.name!r} is {value!r} here, but the gallery holds it as {field.type}; "
        "rename or convert that column in the source"
    )
    raise InputError(msg)
