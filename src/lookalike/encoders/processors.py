"""A checkpoint's image processor, or what its file says where its class needs a library that is missing."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from lookalike.encoders.pretrained import loading_options
from lookalike.errors import BackendMissingError, InputError

if TYPE_CHECKING:
    from lookalike.encoders.loading import EncoderOptions

_OPTIONAL = ("torchvision", "timm")
"""What the processors of some families are written with, besides transformers."""


def load_processor(name: str, revision: str, options: EncoderOptions) -> Any:
    """Return the image processor of a checkpoint.

    Parameters
    ----------
    name : a folder's absolute path, or an id on the hub.
    revision : the commit on the hub; empty for a folder.
    options : whether the checkpoint's own code may run; and for the preprocessing ``resize-crop``, an object that has
        the values in the processor's file as attributes takes the place of a processor whose class cannot be loaded.

    Raises
    ------
    BackendMissingError : if transformers is not installed.
    InputError : if the processor is written with another library that is not installed.
    Exception : whatever else ``transformers`` raises.
    """
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise BackendMissingError(error.name or "transformers", "hf") from error
    try:
        return transformers.AutoImageProcessor.from_pretrained(name, **loading_options(revision, options))
    except ImportError as error:
        missing = [library for library in _OPTIONAL if importlib.util.find_spec(library) is None]
        named = [library for library in missing if library in str(error).lower()]
        if not named:
            raise
        if options.preprocessing == "resize-crop":
            at_commit = {"revision": revision} if revision else {}
            values, _ = transformers.BaseImageProcessor.get_image_processor_dict(name, **at_commit)
            return transformers.BaseImageProcessor(**values)
        msg = (
            f"the image processor of {name} needs {' and '.join(named)}; run: pip install {' '.join(named)}, or choose "
            "the preprocessing resize-crop"
        )
        raise InputError(msg) from error
