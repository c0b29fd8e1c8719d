"""Encoders in int8: quantised after training, on the user's own images.

The quantised model depends on the images that it was calibrated on, and cannot be made again without them. So its own
digest is part of its identity, and a gallery keeps a copy of it: that gallery then needs no checkpoint to be searched
with images, and goes on working when a cache is emptied or the gallery is moved to another machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import platform
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.encoders import conversion_cache
from lookalike.encoders.conversions import temporary_folder
from lookalike.encoders.converted import ConvertedEncoder, cosines, open_entry, open_floating
from lookalike.encoders.openvino_runtime import compile_model, hidden_telemetry, ov
from lookalike.errors import BackendMissingError, EncoderError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from lookalike.encoders.base import EncoderSpec, StagedEncoder
    from lookalike.encoders.conversion_cache import Entry
    from lookalike.encoders.loading import Calibration, EncoderOptions

_X86 = ("x86_64", "amd64")
_PROCESSOR = Path("/proc/cpuinfo")
_HELD_OUT = 8
"""One image of so many is not calibrated on, but used to measure what was lost."""


@dataclass(frozen=True, slots=True)
class Original:
    """What is quantised."""

    encoder: StagedEncoder
    """In f32."""
    graph: Any
    """The ``openvino.Model`` that it runs: of one input, a batch of what it prepares, and one output, embeddings."""
    about: Mapping[str, Any]
    """What to note about the quantised model, besides what quantisation itself adds."""
    files: Sequence[Path] = ()
    """What to keep beside the quantised model."""


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
    InputError, BackendMissingError : see :func:`calibration_of` and :func:`quantised`.
    EncoderError : if the model of a stored spec is lost, or the checkpoint cannot be loaded.
    """
    if options.spec is not None:
        return open_entry(stored(options.spec, options), name, "int8", options)
    calibration = calibration_of(options)
    original = _original(name, options)
    if isinstance(original, str):
        return original
    encoder = open_entry(quantised(original, calibration), name, "int8", options)
    encoder.notice = notice_of(encoder.agreement or {})
    return encoder


def _original(name: str, options: EncoderOptions) -> Original | str:
    floating = open_floating(name, "f32", options)
    if isinstance(floating, str):
        return floating
    source = floating.entry.folder
    # what is said of the conversion does not concern a gallery, which keeps a copy
    about = {key: value for key, value in floating.entry.about.items() if key != "notice"}
    files = [path for path in source.iterdir() if path.name.endswith("processor_config.json")]
    return Original(floating, ov.Core().read_model(str(source / conversion_cache.MODEL)), about, files)


def stored(spec: EncoderSpec, options: EncoderOptions) -> Entry:
    """Return the files of the int8 model of a stored spec, from the folder of a gallery or from the cache.

    Raises
    ------
    EncoderError : if they are lost.
    """
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


def calibration_of(options: EncoderOptions) -> Calibration:
    """Return what a new model is to be calibrated on; called before the work begins, to say what is missing for it.

    Raises
    ------
    InputError : if there are no images to calibrate on.
    BackendMissingError : if ``nncf`` is not installed.
    """
    if options.calibration is None:
        msg = (
            "the precision int8 has to be calibrated on images like those to be searched: give some as calibration, or "
            "let `lookalike index --precision int8` take them from what it indexes"
        )
        raise InputError(msg)
    _nncf()
    return options.calibration


def quantised(original: Original, calibration: Calibration) -> Entry:
    """Quantise a model, and keep it in the cache under its own digest.

    Parameters
    ----------
    original : the model.
    calibration : images like those to be searched, or a function that reads them.

    Returns
    -------
    The files, with the notes of the original and two more: ``weights_digest``, that of the quantised model, a hyphen,
    and that of the weights; and ``agreement``, cosines to f32 on images that were not calibrated on (``mean``,
    ``least``) and how many images there were (``compared_on``, ``calibrated_on``).

    Raises
    ------
    InputError : if no image can be read.
    BackendMissingError : if ``nncf`` is not installed.

    Notes
    -----
    Post-training quantisation by NNCF: weights and activations of matrix products and convolutions in 8 bits, with
    ranges from the images, and the mean error of each layer corrected in its bias
    (https://docs.openvino.ai/2025/openvino-workflow/model-optimization-guide/quantizing-models-post-training.html).
    What else there is stays in f32.
    """
    images = calibration() if callable(calibration) else calibration
    inputs = [original.encoder.prepare(image) for image in images]
    if not inputs:
        msg = "no image could be read to calibrate the precision int8 on; give readable images"
        raise InputError(msg)
    held_out = inputs[_HELD_OUT - 1 :: _HELD_OUT]
    calibrating = [item for number, item in enumerate(inputs, start=1) if number % _HELD_OUT]
    with tempfile.TemporaryDirectory(prefix="lookalike-") as scratch:
        model = Path(scratch) / conversion_cache.MODEL
        ov.save_model(_in_int8(original.graph, calibrating), str(model), compress_to_fp16=False)
        files = [model, model.with_suffix(".bin")]
        digests = "".join(conversion_cache.file_digest(file) for file in files)
        own = hashlib.blake2b(digests.encode(), digest_size=16).hexdigest()
        agreement = _agreement(original.encoder, model, np.stack(held_out or calibrating))
        about = {
            **original.about,
            "weights_digest": f"{own}-{original.encoder.spec.weights_digest}",
            "agreement": agreement | {"calibrated_on": len(calibrating)},
        }

        def fill(partial: Path) -> Mapping[str, Any]:
            for file in (*files, *original.files):
                shutil.copyfile(file, partial / file.name)
            return about

        name = _entry_name(own)
        try:
            return conversion_cache.store(conversion_cache.cache_folder(), name, fill)
        except OSError:  # a gallery keeps its own copy, and others may do without the cache
            return conversion_cache.store(temporary_folder(), name, fill)


def notice_of(agreement: Mapping[str, Any]) -> str:
    """Return what a user should know of a model that was quantised now: a sentence."""
    return (
        f"calibrated int8 on {agreement['calibrated_on']} images; on {agreement['compared_on']} others its embeddings "
        f"have a cosine to those in f32 of {agreement['mean']:.4f} on average, and of {agreement['least']:.4f} at least"
    )


def _entry_name(weights_digest: str) -> str:
    return f"int8-{weights_digest.partition('-')[0]}"


def _in_int8(graph: Any, inputs: Sequence[npt.NDArray[Any]]) -> Any:
    nncf = _nncf()
    has_attention = any("softmax" in node.get_type_name().lower() for node in graph.get_ops()) or any(
        node.get_type_name() == "ScaledDotProductAttention" for node in graph.get_ops()
    )
    # None is what NNCF itself does, which is made for processors with VNNI
    room = nncf.OverflowFix.ENABLE if _may_overflow() else None
    with _quiet(nncf):
        model = nncf.quantize(
            graph,
            nncf.Dataset([item[np.newaxis] for item in inputs]),
            subset_size=len(inputs),
            target_device=nncf.TargetDevice.CPU,
            model_type=nncf.ModelType.TRANSFORMER if has_attention else None,
            advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=room),
        )
    # the same images shall give the same digest, but some names count the nodes that this process has made
    for number, node in enumerate(model.get_ordered_ops()):
        node.set_friendly_name(f"{node.get_type_name()}_{number}")
    model.output(0).get_tensor().set_names({"embeddings"})
    return model


def _agreement(encoder: StagedEncoder, model: Path, batch: npt.NDArray[Any]) -> dict[str, Any]:
    request = compile_model(str(model), "f32").create_infer_request()
    found, expected = [], []
    for start in range(0, len(batch), encoder.batch_size):
        part = batch[start : start + encoder.batch_size]
        expected.append(encoder.encode_prepared(part))
        found.append(np.array(request.infer([part], share_inputs=True)[0]))
    agreed = cosines(np.concatenate(found), np.concatenate(expected))
    return {"mean": float(agreed.mean()), "least": float(agreed.min()), "compared_on": len(agreed)}


def _may_overflow() -> bool:
    """Say whether sums of two products of bytes are kept in 16 bits, as x86 without VNNI does.

    Weights of 7 bits leave room for them; with 8, embeddings of the embedded encoder had a cosine of only .97 to those
    in f32. See https://docs.openvino.ai, "Saturation (overflow) issue".
    """
    if platform.machine().lower() not in _X86:
        return False
    with contextlib.suppress(OSError):
        return "vnni" not in _PROCESSOR.read_text("utf-8", "replace")
    return True


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
