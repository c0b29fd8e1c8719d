"""What a source hands over: references to images."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Scalar: TypeAlias = str | int | float | bool | datetime | None
"""The value of one attribute of an item."""


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One item of a source, before its bytes are read."""

    id: str
    """Stable and unique in the gallery."""
    uri: str
    """Where the bytes are: an absolute path, a URL, or a name that its source understands."""
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    """What the source knows of the item, such as its label."""
    stamp: str = ""
    """Changes whenever the bytes may have changed (size and modification time, say); empty if that is unknown."""
    size: int | None = None
    """In bytes, where known before reading."""


def as_json(value: Scalar) -> Any:
    """Return the value of an attribute as JSON has it: a time in ISO 8601, and null for what is no number."""
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value
