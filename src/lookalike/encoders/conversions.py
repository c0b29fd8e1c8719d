"""The conversion of a checkpoint: found where it is kept, or made."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.encoders import checkpoint_notes
from lookalike.encoders.conversion_cache import cache_folder
from lookalike.encoders.loading import with_revision
from lookalike.errors import BackendMissingError, EncoderError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.encoders.base import Encoder, EncoderSpec
    from lookalike.encoders.conversion_cache import Entry
    from lookalike.encoders.loading import EncoderOptions


def conversion_of(name: str, options: EncoderOptions) -> Entry:
    """Return the files of a checkpoint's conversion for OpenVINO.

    Parameters
    ----------
    name : a folder's absolute path, or an id on the hub.
    options : see :func:`lookalike.encoders.loading.load_encoder`.

    Returns
    -------
    The files and what is noted of them: ``failure`` where the model cannot be converted, and ``notice`` where the
    user should know something, such as that it could not be kept.

    Raises
    ------
    BackendMissingError : if it has to be made, and PyTorch or transformers is not installed.
    EncoderError : if it has to be made, and the checkpoint cannot be loaded.
    """
    folder = cache_folder()
    found = checkpoint_notes.recall(folder, name, options)
    if found is not None:
        return found
    load_checkpoint()  # says what is missing
    from lookalike.encoders.openvino_conversion import convert

    return convert(name, options, folder)


def load_checkpoint() -> Callable[[str, EncoderOptions], Encoder]:
    """Return what loads a checkpoint with PyTorch.

    Raises
    ------
    BackendMissingError : if PyTorch or transformers is not installed.
    """
    try:
        from lookalike.encoders.checkpoints import load
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("lookalike"):
            raise
        raise BackendMissingError(error.name or "transformers", "hf") from error
    return load


def load_original(spec: EncoderSpec, options: EncoderOptions) -> Encoder:
    """Load the checkpoint that a model was converted from with PyTorch, in f32 on the CPU.

    Parameters
    ----------
    spec : of the converted model.
    options : whether the checkpoint's own code may run.

    Raises
    ------
    BackendMissingError : if PyTorch or transformers is not installed.
    EncoderError : if it cannot be loaded, or has other weights by now.
    """
    as_stored = replace(options, pooling=spec.pooling, preprocessing=spec.preprocessing, revision=spec.revision)
    load = partial(load_checkpoint(), spec.name)
    original = with_revision(load, replace(as_stored, precision="f32", device="cpu"))
    if original.spec.weights_digest != spec.weights_digest.rpartition("-")[2]:
        msg = (
            f"the checkpoint {spec.name} has other weights by now than those that the images were embedded with; bring "
            "them back, or index the images again"
        )
        raise EncoderError(msg)
    return original


def temporary_folder() -> Path:
    """Return a folder that goes with this process.

    Raises
    ------
    OSError : if none can be made.
    """
    folder = tempfile.mkdtemp(prefix="lookalike-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
