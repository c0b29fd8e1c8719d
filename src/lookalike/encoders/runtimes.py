"""What runs a checkpoint: OpenVINO on a CPU if the model converts, and PyTorch otherwise."""

from __future__ import annotations

import importlib.util
import platform
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lookalike.encoders import checkpoint_notes
from lookalike.encoders.base import TextEncoder
from lookalike.encoders.conversion_cache import cache_folder
from lookalike.encoders.conversions import load_checkpoint
from lookalike.encoders.loading import described
from lookalike.encoders.pairs import PairEncoder
from lookalike.errors import EncoderError, InputError, SpaceMismatchError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import Encoder
    from lookalike.encoders.converted import ConvertedEncoder
    from lookalike.encoders.loading import EncoderOptions

_RUNTIMES = ("auto", "openvino", "torch")
_PRECISIONS = ("auto", "f32", "bf16", "f16", "int8")
_GPU_DRIVERS = ("/dev/nvidiactl", "/proc/driver/nvidia", "/dev/nvhost-gpu", "/dev/nvgpu", "/dev/kfd", "/dev/dxg")
"""What is there on Linux where PyTorch might see a GPU: NVIDIA's (also on Tegra), AMD's, and that of a Windows host."""


def load(name: str, options: EncoderOptions) -> Encoder:
    """Make the encoder of a checkpoint.

    Parameters
    ----------
    name : a folder's absolute path, or an id on the hub.
    options : see :func:`lookalike.encoders.loading.load_encoder`.

    Raises
    ------
    UnknownNameError, InputError : if an option has no meaning, or not together with another.
    BackendMissingError : if what it needs is not installed.
    EncoderError : if the checkpoint cannot be loaded, or OpenVINO was asked for and cannot run it.
    SpaceMismatchError : if a stored int8 model was made of another checkpoint.
    """
    _check(options)
    precision = "f32" if options.precision == "auto" else options.precision
    if precision != "int8" and not _is_for_openvino(options):
        return load_checkpoint()(name, options)
    found = _by_openvino(name, precision, options)
    if not isinstance(found, str):
        return found
    if options.runtime == "openvino" or precision == "int8":
        msg = f"OpenVINO cannot run the encoder {name} in {precision}: {found}; use the runtime torch, in f32 or bf16"
        raise EncoderError(msg)
    fallback: Any = load_checkpoint()(name, options)
    images = getattr(fallback, "images", fallback)  # of a pair, the side of the images
    images.runtime_reason = found
    images.notice = f"the encoder {name} runs on PyTorch, not on OpenVINO: {found}"
    return cast("Encoder", fallback)


def _check(options: EncoderOptions) -> None:
    if options.runtime not in _RUNTIMES:
        kind = "runtime"
        raise UnknownNameError(kind, options.runtime, _RUNTIMES)
    if options.precision not in _PRECISIONS:
        msg = f"there is no precision named {options.precision!r}; use f32, bf16, f16 or int8"
        raise InputError(msg)
    is_int8 = options.precision == "int8"
    if is_int8 and options.runtime == "torch":
        msg = "the precision int8 is computed by OpenVINO; leave the runtime out, or use f32 or bf16"
        raise InputError(msg)
    if (is_int8 or options.runtime == "openvino") and options.device not in ("auto", "cpu"):
        what = "the precision int8" if is_int8 else "the runtime openvino"
        msg = f"{what} runs on the CPU, not on the device {options.device!r}; leave one of them out"
        raise InputError(msg)


def _is_for_openvino(options: EncoderOptions) -> bool:
    if options.runtime == "auto":
        return options.device == "cpu" or (options.device == "auto" and not _has_gpu())
    return options.runtime == "openvino"


def _has_gpu() -> bool:
    """Say whether PyTorch sees a GPU, and ask it only where there may be one: importing it takes seconds."""
    if sys.platform == "linux":
        is_possible = any(Path(driver).exists() for driver in _GPU_DRIVERS)
    else:
        is_possible = sys.platform == "win32" or platform.machine() == "arm64"
    if not is_possible or importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available() or torch.backends.mps.is_available())


def _by_openvino(name: str, precision: str, options: EncoderOptions) -> Encoder | str:
    """Return the encoder, or why there is none: a clause."""
    from lookalike.encoders.converted import open_floating
    from lookalike.encoders.quantisation import open_quantised

    if precision == "int8":
        _check_moved(name, options)
        images = open_quantised(name, options)
    else:
        images = open_floating(name, precision, options)
    if isinstance(images, str) or not images.has_texts:
        return images
    return PairEncoder(images, partial(_load_texts, images))


def _check_moved(name: str, options: EncoderOptions) -> None:
    """Check that a stored int8 model, which is found by itself, was made of the checkpoint that is now named."""
    spec = options.spec
    if spec is None or name == spec.name:
        return
    floating = replace(options, precision="f32", device="cpu", spec=None, calibration=None)
    known = checkpoint_notes.recall(cache_folder(), name, floating)
    digest = known.about["weights_digest"] if known else load_checkpoint()(name, floating).spec.weights_digest
    if digest != spec.weights_digest.rpartition("-")[2]:
        remedy = "name the checkpoint that it was made of, or index into a new gallery"
        raise SpaceMismatchError(described(spec), f"the checkpoint {name} with weights {digest[:12]}", remedy)


def _load_texts(images: ConvertedEncoder) -> Callable[[Sequence[str]], Vectors]:
    """Load the text side of a converted checkpoint, which is not converted: PyTorch runs it, in f32."""
    texts = images.load_original()
    if not isinstance(texts, TextEncoder):
        msg = f"the checkpoint {images.spec.name} has no tokenizer any more; bring its files back"
        raise EncoderError(msg)
    return texts.encode_texts
