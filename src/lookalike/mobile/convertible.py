"""Which encoders can leave for other devices, and what is told of them there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.encoders.conversions import load_checkpoint
from lookalike.encoders.loading import ENCODERS
from lookalike.errors import InputError

if TYPE_CHECKING:
    from lookalike.encoders.base import EncoderSpec

_EMBEDDED = ("embedded", "efficientnet-lite0")


def is_embedded(spec: EncoderSpec) -> bool:
    """Say whether an encoder is the one that comes with the package, in whatever precision."""
    return spec.name in _EMBEDDED


def check_convertible(spec: EncoderSpec) -> None:
    """Refuse what is no checkpoint, and PyTorch where it is not there.

    Raises
    ------
    InputError : for embeddings that were made elsewhere, or the encoder of a plug-in.
    BackendMissingError : if PyTorch or transformers is not installed.
    """
    if spec.name in ENCODERS.names():
        msg = (
            f"the encoder {spec.name} cannot be converted for another device; index the pictures with the embedded "
            "encoder or a checkpoint, or give a ready model with --model FILE.tflite"
        )
        raise InputError(msg)
    load_checkpoint()


def public_spec(spec: EncoderSpec) -> dict[str, Any]:
    """Return an encoder's identity as JSON-ready values, without the folder that it lies in on this machine."""
    path = Path(spec.name)
    return {**spec.to_dict(), "name": path.name if path.is_absolute() else spec.name}
