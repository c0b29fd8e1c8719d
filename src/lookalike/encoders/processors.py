"""A checkpoint's image processor, or what its file says where its class needs a library that is missing."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import transformers

from lookalike.errors import InputError

if TYPE_CHECKING:
    from lookalike.encoders.loading import EncoderOptions

_OPTIONAL = ("torchvision", "timm")
"""What the processors of some families are written with, besides transformers."""


def load_processor(name: str, options: EncoderOptions) -> Any:
    """Return the image processor of a checkpoint.

    Parameters
    ----------
    name : a folder's absolute path, or an id on the hub.
    options : see :func:`lookalike.encoders.loading.load_encoder`. The preprocessing ``resize-crop`` needs the values
        in the processor's file alone: with it, an object that has them as attributes takes the place of a processor
        whose class cannot be loaded.

    Raises
    ------
    InputError : if the processor is written with a library that is not installed.
    Exception : whatever else ``transformers`` raises.
    """
    remote = {"trust_remote_code": options.trust_remote_code}
    try:
        return transformers.AutoImageProcessor.from_pretrained(name, **remote)
    except ImportError as error:
        missing = [library for library in _OPTIONAL if importlib.util.find_spec(library) is None]
        named = [library for library in missing if library in str(error).lower()]
        if not named:
            raise
        if options.preprocessing == "resize-crop":
            values, _ = transformers.BaseImageProcessor.get_image_processor_dict(name)
            return SimpleNamespace(**values)
        msg = (
            f"the image processor of {name} needs {' and '.join(named)}; run: pip install {' '.join(named)}, or choose "
            "the preprocessing resize-crop"
        )
        raise InputError(msg) from error
