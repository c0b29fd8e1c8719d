"""Encoders in int8: quantised after training, on the user's own images.

The quantised model depends on the images that it was calibrated on, and cannot be made again without them. So its own
digest is part of its identity, and a gallery keeps a copy of it: that gallery then needs no checkpoint to be searched
with images, and goes on working when a cache is emptied or the gallery is moved to another machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.encoders import conversion_cache
from lookalike.encoders.conversions import temporary_folder
from lookalike.encoders.converted import MODEL, ConvertedEncoder, cosines, open_entry, open_floating
from lookalike.encoders.openvino_runtime import Inference, hidden_telemetry, ov
from lookalike.errors import BackendMissingError, EncoderError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from lookalike.encoders.base import EncoderSpec
    from lookalike.encoders.conversion_cache import Entry
    from lookalike.encoders.loading import EncoderOptions

_HELD_OUT = 8
"""One image of so many is not calibrated on, but used to measure what was lost."""


def open_quantised(name: str, options: EncoderOptions) -> ConvertedEncoder | str:
    """Return the encoder of a checkpoint in int8: that of a stored spec, or a new one, calibrated now.

    Parameters
    ----------
    name : a folder's absolute path, or an id on the hub.
    options : with the spec and the folder of a gallery, or with images to calibrate on.

    Returns
    -------
    The encoder; or a clause that says why OpenVINO cannot run the checkpoint.

    Raises
    ------
    InputError : if there are no images to calibrate on.
    BackendMissingError : if a model has to be quantised, and ``nncf`` is not installed.
    EncoderError : if the model of a stored spec is lost, or the checkpoint cannot be loaded.

    Notes
    -----
    Post-training quantisation by NNCF: weights and activations of matrix products and convolutions in 8 bits, with
    ranges from the images, and the mean error of each layer corrected in its bias
    (https://docs.openvino.ai/2025/openvino-workflow/model-optimization-guide/quantizing-models-post-training.html).
    What else there is stays in f32.
    """
    if options.spec is not None:
        return open_entry(_stored(options.spec, options), name, "int8", options)
    if options.calibration is None:
        msg = (
            "the precision int8 has to be calibrated on images like those to be searched: give some as calibration, or "
            "let `lookalike index --precision int8` take them from what it indexes"
        )
        raise InputError(msg)
    _nncf()  # says what is missing before the work begins
    floating = open_floating(name, "f32", options)
    if isinstance(floating, str):
        return floating
    images = options.calibration() if callable(options.calibration) else options.calibration
    inputs = [floating.prepare(image) for image in images]
    if not inputs:
        msg = "no image could be read to calibrate the precision int8 on; give readable images"
        raise InputError(msg)
    encoder = open_entry(_made(floating, inputs), name, "int8", options)
    encoder.notice = _found(encoder.agreement or {})
    return encoder


def _stored(spec: EncoderSpec, options: EncoderOptions) -> Entry:
    name = _entry_name(spec.weights_digest)
    for folder in (options.kept, conversion_cache.cache_folder()):
        entry = conversion_cache.find(folder, name) if folder is not None else None
        if entry is not None:
            return entry
    msg = (
        f"the int8 model {name} of {spec.name} is lost or damaged, and cannot be made again as it was; bring it back, "
        "or index the images into a new gallery"
    )
    raise EncoderError(msg)


def _entry_name(weights_digest: str) -> str:
    return f"int8-{weights_digest.partition('-')[0]}"


def _made(floating: ConvertedEncoder, inputs: Sequence[npt.NDArray[np.float32]]) -> Entry:
    """Quantise a model, and keep it in the cache under its own digest."""
    held_out = inputs[_HELD_OUT - 1 :: _HELD_OUT]
    calibrating = [item for number, item in enumerate(inputs, start=1) if number % _HELD_OUT]
    source = floating.entry.folder
    with tempfile.TemporaryDirectory(prefix="lookalike-") as scratch:
        quantised = Path(scratch) / MODEL
        ov.save_model(_quantised(source / MODEL, calibrating), str(quantised), compress_to_fp16=False)
        files = [quantised, quantised.with_suffix(".bin")]
        digests = "".join(conversion_cache.file_digest(file) for file in files)
        own = hashlib.blake2b(digests.encode(), digest_size=16).hexdigest()
        compare = held_out or calibrating
        about = {
            **floating.entry.about,
            "weights_digest": f"{own}-{floating.spec.weights_digest}",
            "agreement": _agreement(floating, quantised, np.stack(compare)) | {"calibrated_on": len(calibrating)},
        }
        files += [path for path in source.iterdir() if path.name.endswith("processor_config.json")]

        def fill(partial: Path) -> Mapping[str, Any]:
            for file in files:
                shutil.copyfile(file, partial / file.name)
            return about

        name = _entry_name(own)
        try:
            return conversion_cache.store(conversion_cache.cache_folder(), name, fill)
        except OSError:  # a gallery keeps its own copy, and others may do without the cache
            return conversion_cache.store(temporary_folder(), name, fill)


def _quantised(model: Path, inputs: Sequence[npt.NDArray[np.float32]]) -> Any:
    nncf = _nncf()
    graph = ov.Core().read_model(str(model))
    has_attention = any("softmax" in node.get_type_name().lower() for node in graph.get_ops()) or any(
        node.get_type_name() == "ScaledDotProductAttention" for node in graph.get_ops()
    )
    with _quiet(nncf):
        return nncf.quantize(
            graph,
            nncf.Dataset([item[np.newaxis] for item in inputs]),
            subset_size=len(inputs),
            target_device=nncf.TargetDevice.CPU,
            model_type=nncf.ModelType.TRANSFORMER if has_attention else None,
        )


def _agreement(floating: ConvertedEncoder, quantised: Path, batch: npt.NDArray[np.float32]) -> dict[str, Any]:
    infer = Inference(str(quantised), "f32")
    found, expected = [], []
    for start in range(0, len(batch), floating.batch_size):
        part = batch[start : start + floating.batch_size]
        expected.append(floating.encode_prepared(part))
        found.append(infer(part))
    agreed = cosines(np.concatenate(found), np.concatenate(expected))
    return {"mean": float(agreed.mean()), "least": float(agreed.min()), "compared_on": len(agreed)}


def _found(agreement: Mapping[str, Any]) -> str:
    return (
        f"calibrated int8 on {agreement['calibrated_on']} images; on {agreement['compared_on']} others its embeddings "
        f"have a cosine to those in f32 of {agreement['mean']:.4f} on average, and of {agreement['least']:.4f} at least"
    )


def _nncf() -> Any:
    try:
        with hidden_telemetry():
            import nncf
    except ModuleNotFoundError as error:
        raise BackendMissingError(error.name or "nncf", "int8") from error
    return nncf


@contextlib.contextmanager
def _quiet(nncf: Any) -> Iterator[None]:
    """Silence the log and the bars of NNCF, which it writes to standard output."""
    import rich

    console, logger = rich.get_console(), logging.getLogger("nncf")
    was_quiet, level = console.quiet, logger.level
    console.quiet = True
    nncf.set_log_level(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        nncf.set_log_level(level)
        console.quiet = was_quiet
