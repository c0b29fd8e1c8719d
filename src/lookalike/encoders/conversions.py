"""The conversion of a checkpoint: found where it is kept, or made."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.encoders import checkpoint_notes
from lookalike.encoders.conversion_cache import Entry, cache_folder
from lookalike.errors import BackendMissingError, EncoderError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.encoders.base import Encoder
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
    user should know something.

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

    try:
        return convert(name, options, folder)
    except OSError as error:
        entry = convert(name, options, temporary_folder())
        notice = (
            f"the converted model cannot be kept in {folder} ({error.strerror or error}), and will be made again each "
            "time; name a folder that can be written in the variable LOOKALIKE_CACHE"
        )
        return Entry(entry.folder, {**entry.about, "notice": notice})


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


def load_processor(source: str, options: EncoderOptions) -> Any:
    """Return the image processor that ``transformers`` makes from a folder or an id on the hub.

    Raises
    ------
    BackendMissingError : if transformers, or what the processor needs, is not installed.
    EncoderError : if it cannot be loaded.
    """
    try:
        import transformers

        return transformers.AutoImageProcessor.from_pretrained(source, trust_remote_code=options.trust_remote_code)
    except ModuleNotFoundError as error:
        raise BackendMissingError(error.name or "transformers", "hf") from error
    except Exception as error:  # a checkpoint may bring its own code, and raises whatever it likes
        msg = f"the image processor in {source} cannot be loaded ({first_line(error).rstrip('.:')}); save it again"
        raise EncoderError(msg) from error


def temporary_folder() -> Path:
    """Return a folder that goes with this process."""
    folder = tempfile.mkdtemp(prefix="lookalike-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
