"""Which column of a dataset holds the pictures, and which are attributes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lookalike.images.ref import Scalar

_IMAGE_NAMES = ("image", "img", "picture", "photo", "image_path", "file_path", "path", "file_name", "filename", "file")
_IMAGE_TYPES = frozenset({"binary", "large_binary", "string", "large_string"})
_SCALAR_TYPES = ("bool", "date", "float", "int", "large_string", "string", "timestamp", "uint")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a dataset that are read."""

    image: str
    scalars: tuple[str, ...]
    """Columns that become attributes under their own names."""
    class_names: Mapping[str, tuple[str, ...]]
    """By column of class labels: the names that its numbers stand for."""

    @property
    def attributes(self) -> list[str]:
        """Every column that becomes an attribute."""
        return [*self.scalars, *self.class_names]

    def attributes_of(self, row: Mapping[str, Any]) -> dict[str, Scalar]:
        """Return the attributes of one row; a single column of class labels becomes the attribute ``label``."""
        found = {name: _scalar(row[name]) for name in self.scalars}
        for name, classes in self.class_names.items():
            is_plain = len(self.class_names) == 1 and "label" not in self.scalars
            number = row[name]
            is_known = number is not None and 0 <= number < len(classes)  # -1 stands for unlabelled
            found["label" if is_plain else name] = classes[number] if is_known else None
        return found


def columns_of(features: Mapping[str, Any]) -> Columns:
    """Tell the columns apart by their types in ``Dataset.features``.

    Raises
    ------
    InputError : if no column holds pictures.
    """
    from datasets import ClassLabel

    image = _image_column(features)
    return Columns(
        image,
        tuple(
            name
            for name, feature in features.items()
            if name != image and not isinstance(feature, ClassLabel) and _dtype(feature).startswith(_SCALAR_TYPES)
        ),
        {name: tuple(feature.names) for name, feature in features.items() if isinstance(feature, ClassLabel)},
    )


def _image_column(features: Mapping[str, Any]) -> str:
    from datasets import Image

    typed = [name for name, feature in features.items() if isinstance(feature, Image)]
    named = [name for name in _IMAGE_NAMES if name in features]
    # of several columns of images, the one with the usual name
    candidates = [*(name for name in named if name in typed), *typed, *(n for n in named if _holds_files(features[n]))]
    if not candidates:
        msg = (
            f"no column of this data set holds pictures (its columns: {', '.join(features)}); "
            "cast one to datasets.Image(), or name one 'image' that holds paths or the bytes of files"
        )
        raise InputError(msg)
    return candidates[0]


def _holds_files(feature: Any) -> bool:
    return _dtype(feature) in _IMAGE_TYPES or (isinstance(feature, dict) and {"bytes", "path"} <= set(feature))


def _dtype(feature: Any) -> str:
    from datasets import Value

    return str(feature.dtype) if isinstance(feature, Value) else ""


def _scalar(value: Any) -> Scalar:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    scalar: Scalar = value
    return scalar
