"""A model as the client runs it: what it takes and returns, and the embeddings that it gives on a phone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.arrays import normalised
from lookalike.errors import InputError
from lookalike.images.digest import content_digest
from lookalike.mobile.client_resize import client_resize
from lookalike.mobile.litert import LiteRTModel
from lookalike.mobile.model_file import metadata_of, without_archive
from lookalike.mobile.model_metadata import ModelMetadata

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.images.decode import Pixels

_UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True)
class PhoneModel:
    """A TFLite model of one picture and one embedding.

    Raises
    ------
    InputError : if the client would refuse it, or compare its embeddings wrongly without saying so.
    """

    content: bytes
    """The model file."""
    name: str
    mean: tuple[float, ...] = ()
    """What the client subtracts from the levels 0 to 255 of each channel; empty for a model of uint8."""
    std: tuple[float, ...] = ()
    """What it divides them by then."""

    def __post_init__(self) -> None:
        reason = self._flaw()
        if reason is not None:
            msg = f"the model {self.name} cannot search on a phone: {reason}"
            raise InputError(msg)

    @classmethod
    def ready(cls, content: bytes, name: str) -> PhoneModel:
        """Take a ready model file, with the metadata that it has."""
        model = without_archive(content)
        data = metadata_of(model)
        about = ModelMetadata("", "") if data is None else ModelMetadata.from_bytes(data)
        return cls(model, name, about.mean, about.std)

    @property
    def height(self) -> int:
        """Of its input, in pixels."""
        return int(self._runtime.inputs[0]["shape"][1])

    @property
    def width(self) -> int:
        """Of its input, in pixels."""
        return int(self._runtime.inputs[0]["shape"][2])

    @property
    def dim(self) -> int:
        """The length of its embeddings."""
        return int(np.prod(self._runtime.outputs[0]["shape"]))

    @cached_property
    def digest(self) -> str:
        """Of all that its embeddings depend on."""
        return content_digest(repr((self.mean, self.std)).encode() + self.content)

    @cached_property
    def is_unit(self) -> bool:
        """Whether its embeddings have unit length, as two pictures of noise show."""
        noise = np.random.default_rng(0).integers(0, 256, (2, self.height, self.width, 3), np.uint8)
        return all(abs(float(np.linalg.norm(self.embed_resized(image))) - 1) < _UNIT_TOLERANCE for image in noise)

    def resize(self, image: Pixels) -> Pixels:
        """Return a picture in the size of the input, as the client makes it. May be called from several threads."""
        return client_resize(image, self.width, self.height)

    def embed_resized(self, image: Pixels) -> Vectors:
        """Return the embedding of a picture of the input's size, as the client has it; shape (dim,), float32."""
        return self._runtime(self._input(image))

    def embed_row(self, image: Pixels) -> Vectors:
        """Return what an index keeps of a picture of the input's size: its embedding in unit length; shape (dim,)."""
        vector: Vectors = normalised(self.embed_resized(image)[None])[0]
        return vector

    def _input(self, image: Pixels) -> npt.NDArray[Any]:
        if not self.mean:
            return image[None]
        levels = image[None].astype(np.float32)
        return (levels - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)

    @cached_property
    def _runtime(self) -> LiteRTModel:
        return LiteRTModel(self.content)

    def _flaw(self) -> str | None:
        inputs, output = self._runtime.inputs, self._runtime.outputs[0]
        shape, dtype = tuple(inputs[0]["shape"].tolist()), np.dtype(inputs[0]["dtype"])
        embedding = tuple(output["shape"].tolist())
        is_float = dtype == np.float32
        checks = (
            (len(inputs) == 1, f"it has {len(inputs)} inputs; give one that takes a picture alone"),
            (len(shape) == 4 and shape[0] == 1 and shape[3] == 3, f"its input has the shape {shape}, not 1xHxWx3"),
            (is_float or dtype == np.uint8, f"its input is {dtype}; give one of float32 or uint8"),
            (not is_float or self._is_normalised(), "its metadata do not say how pixels become its input; add them"),
            (is_float or not self.mean, "its input is uint8, and its metadata would have it normalised"),
            (embedding in ((1, self.dim), (1, 1, 1, self.dim)), f"its output has the shape {embedding}, not 1xD"),
            (np.dtype(output["dtype"]) in (np.float32, np.uint8), f"its output is {np.dtype(output['dtype'])}"),
        )
        return next((reason for is_fine, reason in checks if not is_fine), None)

    def _is_normalised(self) -> bool:
        return len(self.mean) in (1, 3) and len(self.mean) == len(self.std) and all(self.std)
