"""A checkpoint's input from an image: by its own processor, as fast as that can be done, or resized and cropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from PIL import Image

from lookalike.encoders.fast_preprocessing import find_fast_chain, side_of
from lookalike.encoders.signatures import takes
from lookalike.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Set

    import numpy.typing as npt

    from lookalike.images.decode import Pixels


class Prepare(Protocol):
    """Turns one image into a model's input."""

    @property
    def kind(self) -> str:
        """The name of the preprocessing, part of the identity of a space."""
        ...

    @property
    def decode_side(self) -> int | None:
        """See :class:`lookalike.encoders.base.StagedEncoder`."""
        ...

    @property
    def decode_drift(self) -> float | None:
        """See :class:`lookalike.encoders.base.StagedEncoder`."""
        ...

    def __call__(self, image: Pixels) -> npt.NDArray[Any]:
        """Prepare an image of shape (height, width, 3), uint8; returns the model's input without the batch axis."""
        ...


@dataclass(frozen=True, slots=True)
class ByProcessor:
    """Prepares an image as the checkpoint's processor does."""

    kind: ClassVar[str] = "processor"
    decode_side: ClassVar[int | None] = None
    decode_drift: ClassVar[float | None] = None
    processor: Any
    """What ``AutoImageProcessor.from_pretrained`` returned."""
    inputs: Set[str] = frozenset()
    """The names of what the model takes besides ``pixel_values``."""

    def __call__(self, image: Pixels) -> npt.NDArray[Any]:
        """Return the processor's ``pixel_values``, float32; where the model takes more, a record with a field for each.

        A record is an array of no axes and a structured dtype, so that records are stacked as other arrays are.
        """
        # the format is stated where it can be: guessing it goes wrong for an image of 3 rows
        preprocess = getattr(self.processor, "preprocess", self.processor)
        stated = {"input_data_format": "channels_last"} if takes(preprocess, "input_data_format") else {}
        made = self.processor(images=Image.fromarray(image), return_tensors="pt", **stated)
        values = np.asarray(made["pixel_values"][0], np.float32)
        others = {name: np.asarray(made[name][0]) for name in made if name in self.inputs}
        if not others:
            return values
        fields = {"pixel_values": values, **others}
        record = np.empty((), [(name, array.dtype, array.shape) for name, array in fields.items()])
        for name, array in fields.items():
            record[name] = array
        return record


@dataclass(frozen=True, slots=True)
class ResizeCrop:
    """Resizes the short side to 256/224 of the model's size, crops the centre, and normalises the channels.

    The same, to the last digit, as torchvision's ``Resize(int(256 / 224 * size))``, ``CenterCrop(size)``,
    ``ToTensor()`` and ``Normalize(mean, std)`` on a Pillow image.
    """

    kind: ClassVar[str] = "resize-crop"
    decode_side: ClassVar[int | None] = None
    decode_drift: ClassVar[float | None] = None
    size: int
    mean: npt.NDArray[np.float32]
    """One value for each channel."""
    std: npt.NDArray[np.float32]

    def __call__(self, image: Pixels) -> npt.NDArray[np.float32]:
        """Return shape (3, size, size)."""
        height, width = image.shape[:2]
        short = int((256 / 224) * self.size)
        shape = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
        resized = np.asarray(Image.fromarray(image).resize(shape, Image.Resampling.BILINEAR))
        top, left = (round((side - self.size) / 2.0) for side in resized.shape[:2])
        crop = resized[top : top + self.size, left : left + self.size]
        values = (crop.astype(np.float32) / np.float32(255) - self.mean) / self.std
        return np.ascontiguousarray(values.transpose(2, 0, 1), np.float32)


def make_prepare(kind: str, processor: Any, inputs: Set[str] = frozenset()) -> Prepare:
    """Return the preprocessing of that kind.

    Parameters
    ----------
    kind : ``processor``, ``fast``, ``auto`` (``fast`` where that equals the processor, else ``processor``) or
        ``resize-crop``.
    processor : a ``transformers`` image processor.
    inputs : the names of what the model takes besides ``pixel_values``.

    Raises
    ------
    InputError : for another kind, or if this processor does not allow it.
    """
    exact = ByProcessor(processor, inputs)
    if kind == "processor":
        return exact
    if kind in ("auto", "fast"):
        chain = find_fast_chain(processor, exact)
        if chain is None and kind == "fast":
            msg = "there is no fast way to do what the checkpoint's processor does; use the preprocessing processor"
            raise InputError(msg)
        return chain or exact
    if kind == "resize-crop":
        size = _side(processor)
        if size is None:
            msg = "the checkpoint's processor states no size, which resize-crop needs; use the preprocessing processor"
            raise InputError(msg)
        return ResizeCrop(size, *_normalisation(processor))
    msg = f"there is no preprocessing named {kind!r}; use processor, fast or resize-crop"
    raise InputError(msg)


def _side(processor: Any) -> int | None:
    """Return the side of the model's square input."""
    sizes = [getattr(processor, "size", None)]
    if getattr(processor, "do_center_crop", False):
        sizes.insert(0, getattr(processor, "crop_size", None))
    for size in sizes:
        if isinstance(size, int):
            return size
        for name in ("height", "shortest_edge"):
            side = side_of(size, name)
            if side is not None:
                return side
    return None


def _normalisation(processor: Any) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    mean, std = getattr(processor, "image_mean", None), getattr(processor, "image_std", None)
    if not getattr(processor, "do_normalize", True) or mean is None or std is None:
        return np.zeros(3, np.float32), np.ones(3, np.float32)
    return np.asarray(mean, np.float32), np.asarray(std, np.float32)
