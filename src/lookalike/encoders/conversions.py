"""The conversion of a checkpoint: found where it is kept, or made."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.encoders import checkpoint_notes
from lookalike.encoders.conversion_cache import cache_folder
from lookalike.errors import BackendMissingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.encoders.base import Encoder
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


def temporary_folder() -> Path:
    """Return a folder that goes with this process.

    Raises
    ------
    OSError : if none can be made.
    """
    folder = tempfile.mkdtemp(prefix="lookalike-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
