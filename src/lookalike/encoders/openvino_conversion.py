"""A checkpoint that PyTorch has loaded, converted once for OpenVINO and kept."""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lookalike.encoders import checkpoint_notes, conversion_cache
from lookalike.encoders.checkpoints import load, quiet
from lookalike.encoders.conversion_cache import Entry
from lookalike.encoders.conversions import temporary_folder
from lookalike.encoders.converted import REFERENCE
from lookalike.encoders.embedder_module import Embedder
from lookalike.encoders.openvino_runtime import ov
from lookalike.encoders.plain_preprocessing import described
from lookalike.encoders.probe import probe_images
from lookalike.errors import first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from lookalike.encoders.base import EncoderSpec
    from lookalike.encoders.loading import EncoderOptions
    from lookalike.encoders.transformers_encoder import TransformersEncoder

_CONVERTER = 2
"""To be raised with every change of what a conversion gives."""


def convert(name: str, options: EncoderOptions, folder: Path) -> Entry:
    """Load a checkpoint with PyTorch and return its conversion, made now unless the folder holds it.

    Parameters
    ----------
    name : a folder's absolute path, or an id on the hub.
    options : see :func:`lookalike.encoders.loading.load_encoder`; the conversion is that of the weights in f32.
    folder : the cache.

    Returns
    -------
    The files; where the model cannot be converted or stored, a note with the reason as ``failure``. Where the cache
    cannot be written, they are in a temporary folder, and there is a ``notice``.

    Raises
    ------
    LookalikeError : if the checkpoint cannot be loaded.
    """
    stamp = checkpoint_notes.stamp(name)
    loaded = load(name, replace(options, precision="f32", device="cpu"))
    images: Any = getattr(loaded, "images", loaded)  # of a pair, the side of the images
    entry_name = _entry_name(images, loaded.spec)
    entry = conversion_cache.find(folder, entry_name)
    if entry is None:
        entry = _kept(folder, entry_name, _made(images, loaded.spec))
    # one conversion serves all checkpoints of the same weights, each of a commit of its own
    entry = Entry(entry.folder, {**entry.about, "revision": loaded.spec.revision})
    if entry.folder.parent == folder and stamp == checkpoint_notes.stamp(name):
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


@dataclass(frozen=True, slots=True)
class _Made:
    about: Mapping[str, Any]
    encoder: TransformersEncoder
    model: Any = None
    """Converted; None if that failed."""
    reference: Any = None
    """The embeddings of the probe by PyTorch."""

    def write(self, folder: Path) -> Mapping[str, Any]:
        if self.model is not None:
            ov.save_model(self.model, str(folder / conversion_cache.MODEL), compress_to_fp16=False)
            np.save(folder / REFERENCE, self.reference)
            self.encoder.processor.save_pretrained(folder)
        return self.about


def _made(encoder: TransformersEncoder, spec: EncoderSpec) -> _Made:
    inputs = np.stack([encoder.prepare(image) for image in probe_images()])
    about = {
        **spec.to_dict(),
        "prepare": described(encoder.prepare, encoder.processor),
        "input": list(inputs.shape[1:]),
        "parameters": sum(tensor.numel() for tensor in encoder.model.parameters()),
    }
    if inputs.dtype.names is not None:
        return _Made(
            {**about, "failure": f"the model takes more than pixels ({', '.join(inputs.dtype.names)})"}, encoder
        )
    try:
        with quiet():
            model = _converted(encoder, inputs)
    except Exception as error:  # noqa: BLE001  # the tracer and the converter raise whatever they like
        return _Made({**about, "failure": f"OpenVINO cannot convert the model ({_clause(error)})"}, encoder)
    return _Made(about, encoder, model, encoder.encode_prepared(inputs))


def _kept(folder: Path, name: str, made: _Made) -> Entry:
    """Store what was made in the cache, or else in a temporary folder; if it cannot be stored at all, say why."""
    problems = []
    places: tuple[Callable[[], Path], ...] = (lambda: folder, temporary_folder)
    for place in places:
        try:
            entry = conversion_cache.store(place(), name, made.write)
        except Exception as error:  # noqa: BLE001  # not only OSError: OpenVINO and a checkpoint's own processor write
            problems.append(getattr(error, "strerror", None) or _clause(error))
            continue
        if not problems:
            return entry
        notice = (
            f"the converted model cannot be kept in {folder} ({problems[0]}), and will be made again each time; name a "
            "folder that can be written in the variable LOOKALIKE_CACHE"
        )
        return Entry(entry.folder, {**entry.about, "notice": notice})
    return Entry(Path(), {**made.about, "failure": f"the converted model cannot be stored ({problems[-1]})"})


def _clause(error: BaseException) -> str:
    return first_line(error).rstrip(".:")


def _converted(encoder: TransformersEncoder, inputs: npt.NDArray[np.float32]) -> Any:
    with warnings.catch_warnings(), torch.inference_mode(mode=False), torch.no_grad():
        warnings.simplefilter("ignore")  # those of the tracer: what it gets wrong shows in the comparison
        example = torch.from_numpy(inputs[:2])
        return ov.convert_model(Embedder(encoder).eval(), example_input=example, input=[-1, *inputs.shape[1:]])
