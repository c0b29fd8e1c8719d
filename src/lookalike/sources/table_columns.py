"""Which column of a table holds the pictures, and which are attributes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lookalike.errors import InputError
from lookalike.sources.columns import Columns
from lookalike.sources.table_files import plain_type

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGE_NAMES = (
    *("image", "img", "picture", "photo", "jpg", "jpeg", "png", "webp"),
    *("image_path", "img_path", "file_path", "filepath", "path", "file_name", "filename", "file"),
    *("image_url", "img_url", "url", "uri", "image_bytes", "bytes"),
)
"""Names of columns that hold pictures, the likeliest first; in any case."""


def columns_of_table(
    columns: Mapping[str, pa.DataType], metadata: Mapping[bytes, bytes], *, asked: str | None, uri: str
) -> Columns:
    """Tell the columns of a table apart.

    Parameters
    ----------
    columns : the types by name.
    metadata : of a Parquet file's schema: names of class labels, where the ``datasets`` library wrote it.
    asked : the image column, if the user named it.
    uri : of the table, for messages.

    Raises
    ------
    InputError : if no column holds pictures, or the one that was named does not.
    """
    image = image_column(columns) if asked is None else asked
    if image is None or image not in columns:
        what = "no column holds pictures by its name" if asked is None else f"there is no column {asked!r}"
        msg = f"{uri}: {what}; its columns: {', '.join(columns)}. Name the one with paths, URLs or bytes: {uri}#COLUMN"
        raise InputError(msg)
    if not (holds_names(columns[image]) or holds_bytes(columns[image])):
        msg = f"{uri}: the column {image!r} holds {columns[image]}, and pictures are paths, URLs or bytes"
        raise InputError(msg)
    return attribute_columns(columns, metadata, beside=image)


def attribute_columns(
    columns: Mapping[str, pa.DataType], metadata: Mapping[bytes, bytes], *, beside: str | None
) -> Columns:
    """Return the columns that become attributes: all of single values but the one that says what a row is, if any."""
    classes = {name: names for name, names in _class_names(metadata).items() if name in columns and name != beside}
    plain = [name for name, kind in columns.items() if name != beside and plain_type(kind) is not None]
    return Columns(beside or "", tuple(name for name in plain if name not in classes), classes)


def image_column(columns: Mapping[str, pa.DataType]) -> str | None:
    """Return the column that holds pictures by its name and type, or is the only one of bytes; None without one."""
    by_name: dict[str, str] = {name.lower(): name for name in reversed(list(columns))}
    named = [by_name[name] for name in IMAGE_NAMES if name in by_name]
    fitting = [name for name in named if holds_bytes(columns[name]) or holds_names(columns[name])]
    if fitting:
        return fitting[0]
    binary = [name for name, kind in columns.items() if holds_bytes(kind)]
    return binary[0] if len(binary) == 1 else None


def holds_names(kind: pa.DataType) -> bool:
    """Say whether values of a type can be paths or URLs."""
    return bool(plain_type(kind) == pa.string() and not pa.types.is_uint64(kind))


def holds_bytes(kind: pa.DataType) -> bool:
    """Say whether values of a type can be encoded images: bytes, or the structure that ``datasets.Image`` stores."""
    if pa.types.is_struct(kind):
        return {"bytes", "path"} <= {field.name for field in kind}
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    try:
        features: dict[str, Any] = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {
            name: tuple(map(str, feature["names"]))
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (LookupError, TypeError, ValueError, AttributeError):  # not there, or of a form of its own
        return {}
