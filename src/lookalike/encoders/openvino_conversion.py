"""A checkpoint that PyTorch has loaded, converted once for OpenVINO and kept."""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lookalike.encoders import checkpoint_notes, conversion_cache
from lookalike.encoders.checkpoints import load, quiet
from lookalike.encoders.converted import REFERENCE
from lookalike.encoders.openvino_runtime import ov
from lookalike.encoders.plain_preprocessing import described
from lookalike.encoders.probe import probe_images
from lookalike.errors import first_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.encoders.base import EncoderSpec
    from lookalike.encoders.conversion_cache import Entry
    from lookalike.encoders.loading import EncoderOptions
    from lookalike.encoders.transformers_encoder import TransformersEncoder

_CONVERTER = 2
"""To be raised with every change of what a conversion gives."""


class _Embedder(torch.nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """Model and pooling as one module: pixel values (n, 3, height, width) to embeddings (n, dim)."""

    def __init__(self, encoder: TransformersEncoder) -> None:
        super().__init__()
        self.model = encoder.model
        self._embed = encoder.embed

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return self._embed({"pixel_values": pixel_values})


def convert(name: str, options: EncoderOptions, folder: Path) -> Entry:
    """Load a checkpoint with PyTorch and return its conversion, made now unless the folder holds it.

    Parameters
    ----------
    name : a folder's absolute path, or an id on the hub.
    options : see :func:`lookalike.encoders.loading.load_encoder`; the conversion is that of the weights in f32.
    folder : the cache.

    Returns
    -------
    The files; where the model cannot be converted, a note with the reason as ``failure``.

    Raises
    ------
    LookalikeError : if the checkpoint cannot be loaded.
    OSError : if the folder cannot be written.
    """
    stamp = checkpoint_notes.stamp(name)
    loaded = load(name, replace(options, precision="f32", device="cpu"))
    images: Any = getattr(loaded, "images", loaded)  # of a pair, the side of the images
    entry_name = _entry_name(images, loaded.spec)
    entry = conversion_cache.find(folder, entry_name) or conversion_cache.store(
        folder, entry_name, lambda partial: _fill(partial, images, loaded.spec)
    )
    if stamp == checkpoint_notes.stamp(name):
        checkpoint_notes.remember(folder, name, options, entry, stamp)
    return entry


def _entry_name(encoder: TransformersEncoder, spec: EncoderSpec) -> str:
    parts = [
        spec.weights_digest,
        spec.pooling,
        spec.preprocessing,
        encoder.processor.to_json_string(),
        spec.modalities,
        version("openvino"),
        _CONVERTER,
    ]
    return f"f32-{hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()}"


def _fill(folder: Path, encoder: TransformersEncoder, spec: EncoderSpec) -> Mapping[str, Any]:
    inputs = np.stack([encoder.prepare(image) for image in probe_images()])
    about = {
        **spec.to_dict(),
        "prepare": described(encoder.prepare, encoder.processor),
        "input": list(inputs.shape[1:]),
        "parameters": sum(tensor.numel() for tensor in encoder.model.parameters()),
    }
    if inputs.dtype.names is not None:
        return {**about, "failure": f"the model takes more than pixels ({', '.join(inputs.dtype.names)})"}
    try:
        with quiet():
            model = _converted(encoder, inputs)
    except Exception as error:  # noqa: BLE001  # the tracer and the converter raise whatever they like
        return {**about, "failure": f"OpenVINO cannot convert the model ({first_line(error).rstrip('.:')})"}
    try:
        ov.save_model(model, str(folder / conversion_cache.MODEL), compress_to_fp16=False)
    except RuntimeError as error:
        raise OSError(first_line(error)) from error
    np.save(folder / REFERENCE, encoder.encode_prepared(inputs))
    encoder.processor.save_pretrained(folder)
    return about


def _converted(encoder: TransformersEncoder, inputs: npt.NDArray[np.float32]) -> Any:
    with warnings.catch_warnings(), torch.inference_mode(mode=False), torch.no_grad():
        warnings.simplefilter("ignore")  # those of the tracer: what it gets wrong shows in the comparison
        example = torch.from_numpy(inputs[:2])
        return ov.convert_model(_Embedder(encoder).eval(), example_input=example, input=[-1, *inputs.shape[1:]])
