"""A checkpoint's image encoder as OpenVINO runs it on the CPU, made from the files of its conversion."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.encoders import conversion_cache
from lookalike.encoders.base import EncoderSpec
from lookalike.encoders.batching import cpu_batch_size, encode_staged
from lookalike.encoders.conversions import conversion_of, load_original
from lookalike.encoders.map_function import map_function
from lookalike.encoders.openvino_runtime import Inference, batches_at_once, has_bf16
from lookalike.encoders.plain_preprocessing import restored
from lookalike.encoders.preprocessing import make_prepare
from lookalike.encoders.pretrained import explained, loading_remedy
from lookalike.encoders.probe import probe_images
from lookalike.encoders.processors import load_processor
from lookalike.errors import LookalikeError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import Encoder
    from lookalike.encoders.conversion_cache import Entry
    from lookalike.encoders.loading import EncoderOptions
    from lookalike.encoders.map_function import MapFunction
    from lookalike.encoders.patches import Patches
    from lookalike.encoders.preprocessing import Prepare
    from lookalike.images.decode import Pixels

REFERENCE = "reference.npy"
LEAST_COSINE = {"f32": 0.9999, "bf16": 0.999}
"""What a converted model has to reach on every image of the probe, compared with PyTorch in f32, by its precision."""


class ConvertedEncoder:
    """Embeds images with a converted checkpoint.

    Parameters
    ----------
    entry : the files of the conversion.
    spec : the identity, which the files and the precision make up.
    prepare : the preprocessing.
    load_original : loads the checkpoint with PyTorch, for what the conversion leaves out.

    Notes
    -----
    May be used from several threads. Batches give the same embeddings as single images, but for rounding, which in
    int8 may change a cosine by some thousandths.
    """

    runtime = "openvino"

    def __init__(self, entry: Entry, spec: EncoderSpec, prepare: Prepare, load_original: Callable[[], Encoder]) -> None:
        about = entry.about
        self.spec = spec
        self.prepare = prepare
        self.decode_side, self.decode_drift = prepare.decode_side, prepare.decode_drift
        self.batch_size = cpu_batch_size(about["input"])
        self.runtime_reason = "the model converts"
        """Why it is run by that runtime: a clause."""
        self.notice: str = about.get("notice", "")
        """A sentence that a user should read, if there is one."""
        self.has_texts = "text" in about["modalities"]
        """Whether the checkpoint also embeds texts into this space."""
        self.agreement: Mapping[str, Any] | None = about.get("agreement")
        """Cosines of int8 to f32 on images that it was not calibrated on, ``mean`` and ``least``; else None."""
        self.entry = entry
        self.kept = entry.folder.parent.absolute() if spec.precision == "int8" else None
        """The folder that holds what cannot be made again, which the encoder is found in by its spec."""
        # what remains in floating point of an int8 model is computed in f32, the same on every machine
        precision = "f32" if spec.precision == "int8" else spec.precision
        self.load_original = load_original
        """Returns the checkpoint as PyTorch runs it; see :func:`lookalike.encoders.conversions.load_original`."""
        self._original: Any = None
        self._lock = threading.Lock()
        self._infer = Inference(str(entry.folder / conversion_cache.MODEL), precision)
        self.batches_at_once = batches_at_once(self.batch_size)

    def encode_prepared(self, batch: npt.NDArray[Any]) -> Vectors:
        """Embed prepared images; shape (n, channels, height, width) to (n, dim), float32."""
        if len(batch) == 0:
            return np.empty((0, self.spec.dim), np.float32)
        return self._infer(np.asarray(batch, np.float32))

    def encode_patches(self, batch: npt.NDArray[Any]) -> Patches:
        """Return the features of prepared images by their places; PyTorch computes them, in f32.

        Raises
        ------
        BackendMissingError : if PyTorch or transformers is not installed.
        LookalikeError : if the checkpoint cannot be loaded any more, or does not show them.
        """
        with self._lock:
            if self._original is None:
                self._original = self.load_original()
        patches: Patches = self._original.encode_patches(batch)
        return patches

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        """Embed images of any sizes; returns shape (len(images), dim), float32, not normalised."""
        return encode_staged(self, images)

    def as_map_function(self, *, image_column: str = "image", embedding_column: str = "embedding") -> MapFunction:
        """Return the encoder for ``Dataset.map``; see :func:`lookalike.encoders.map_function.map_function`."""
        return map_function(self, image_column=image_column, embedding_column=embedding_column, device="cpu")

    def keep_in(self, folder: Path) -> None:
        """Copy what cannot be made again, an int8 model, into a folder.

        Raises
        ------
        OSError : if the folder cannot be written.
        """
        if self.spec.precision == "int8":
            conversion_cache.copy(self.entry, folder)


def open_floating(name: str, precision: str, options: EncoderOptions) -> ConvertedEncoder | str:
    """Convert a checkpoint, or find it converted, and compare it with PyTorch.

    Parameters
    ----------
    name : a folder's absolute path, or an id on the hub.
    precision : ``f32``, ``bf16`` or ``f16``.
    options : see :func:`lookalike.encoders.loading.load_encoder`.

    Returns
    -------
    The encoder; or a clause that says why PyTorch has to run the checkpoint.

    Raises
    ------
    BackendMissingError, EncoderError : see :func:`lookalike.encoders.conversions.conversion_of`.
    """
    if precision not in LEAST_COSINE:
        return f"it computes in {' and '.join(LEAST_COSINE)} on a CPU, not in {precision}"
    if precision == "bf16" and not has_bf16():
        return "this CPU does not compute in bf16"
    entry = conversion_of(name, options)
    if "failure" in entry.about:
        return str(entry.about["failure"])
    try:
        encoder = open_entry(entry, name, precision, options)
        return _disagreement(encoder, entry) or encoder
    except LookalikeError:
        raise
    except RuntimeError as error:  # OpenVINO's own
        return f"OpenVINO cannot run the model ({first_line(error).rstrip('.:')})"


def open_entry(entry: Entry, name: str, precision: str, options: EncoderOptions) -> ConvertedEncoder:
    """Return the encoder of a conversion.

    Parameters
    ----------
    entry : the files.
    name : the checkpoint's, for the spec.
    precision : ``f32`` or ``bf16``, or ``int8`` for the files of a quantised model.
    options : whether the checkpoint's own code may run.

    Raises
    ------
    BackendMissingError, EncoderError : if the preprocessing cannot be loaded, or the CPU lacks the precision.
    RuntimeError : of OpenVINO, if it cannot run the model.
    """
    about = entry.about
    spec = EncoderSpec(
        name=name,
        revision=about["revision"],
        weights_digest=about["weights_digest"],
        pooling=about["pooling"],
        preprocessing=about["preprocessing"],
        precision=precision,
        dim=about["dim"],
        pooling_reason=about["pooling_reason"],
    )
    load = partial(load_original, spec, options)
    return ConvertedEncoder(entry, spec, _prepare(entry, name, options), load)


def _prepare(entry: Entry, name: str, options: EncoderOptions) -> Prepare:
    kind, numbers = entry.about["preprocessing"], entry.about["prepare"]
    if numbers is not None:
        return restored(numbers)
    # the checkpoint's own code stays with the checkpoint, and some processors are saved nowhere else
    is_kept = not options.trust_remote_code and (entry.folder / "preprocessor_config.json").is_file()
    source = str(entry.folder) if is_kept else name
    revision = "" if is_kept else entry.about["revision"]
    with explained(f"the image processor of {name} cannot be loaded", loading_remedy(name)):
        processor = load_processor(source, revision, replace(options, preprocessing=kind))
    return make_prepare(kind, processor)


def _disagreement(encoder: ConvertedEncoder, entry: Entry) -> str:
    """Return why a converted model must not take the place of PyTorch, or nothing: it embeds a probe as PyTorch does.

    The answer is noted beside the model, so that the probe runs once for each precision.
    """
    path = entry.folder / f"checked-{encoder.spec.precision}.json"
    noted = conversion_cache.read_json(path) or {}
    if "least_cosine" not in noted:
        # goes, and with it what it has compiled
        probed = ConvertedEncoder(entry, encoder.spec, encoder.prepare, encoder.load_original)
        noted = {"least_cosine": _least_cosine(probed, np.load(entry.folder / REFERENCE, allow_pickle=False))}
        conversion_cache.write_json(path, noted)
    least = float(noted["least_cosine"])
    encoder.runtime_reason = f"the model converts, with a cosine to PyTorch in f32 of at least {least:.6f} on a probe"
    if least >= LEAST_COSINE[encoder.spec.precision]:
        return ""
    return f"converted for OpenVINO, its embeddings have a cosine of only {least:.6f} to those of PyTorch"


def cosines(first: Vectors, second: Vectors) -> npt.NDArray[np.float64]:
    """Return the cosine between rows of equal number; shape (n,). Two rows of zeros are alike."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    found = np.einsum("nd,nd->n", a, b) / np.where(lengths > 0, lengths, 1.0)
    agreed: npt.NDArray[np.float64] = np.where(lengths > 0, found, np.all(a == b, axis=1))
    return agreed


def _least_cosine(encoder: ConvertedEncoder, reference: Vectors) -> float:
    inputs = np.stack([encoder.prepare(image) for image in probe_images()])
    # in batches of several sizes, one of them a single image: the batch axis is the one that conversion can get wrong
    parts = [encoder.encode_prepared(part) for part in np.split(inputs, [1, 3])]
    found = np.concatenate(parts)
    if found.shape != reference.shape or not np.isfinite(found).all():
        return -1.0
    return float(cosines(found, reference).min())
