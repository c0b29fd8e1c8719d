"""A checkpoint's image processor, or what its file says where its class needs a library that is missing."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import transformers

from lookalike.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPTIONAL = ("torchvision", "timm")
"""What the processors of some families are written with, besides transformers."""


def load_processor(name: str, remote: Mapping[str, Any], *, is_file_enough: bool = False) -> Any:
    """Return the image processor of a checkpoint.

    Parameters
    ----------
    name : a folder's absolute path, or an id on the hub.
    remote : keyword arguments of ``from_pretrained``.
    is_file_enough : whether an object that has the values in the processor's file as attributes may take the place of a
        processor whose class cannot be loaded.

    Raises
    ------
    InputError : if the processor is written with a library that is not installed.
    Exception : whatever else ``transformers`` raises.
    """
    try:
        return transformers.AutoImageProcessor.from_pretrained(name, **remote)
    except ImportError as error:
        missing = [library for library in _OPTIONAL if importlib.util.find_spec(library) is None]
        named = [library for library in missing if library in str(error).lower()]
        if not named:
            raise
        if is_file_enough:
            revision = {key: value for key, value in remote.items() if key == "revision"}
            values, _ = transformers.BaseImageProcessor.get_image_processor_dict(name, **revision)
            return transformers.BaseImageProcessor(**values)
        msg = (
            f"the image processor of {name} needs {' and '.join(named)}; run: pip install {' '.join(named)}, or choose "
            "the preprocessing resize-crop"
        )
        raise InputError(msg) from error
