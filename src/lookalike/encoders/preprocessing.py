"""A checkpoint's input from an image: by its own processor, or by the resize-and-crop chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from PIL import Image

from lookalike.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from lookalike.images.decode import Pixels

Prepare: TypeAlias = "Callable[[Pixels], npt.NDArray[np.float32]]"
"""One image, shape (height, width, 3), uint8, to the model's input, without the batch axis."""


@dataclass(frozen=True, slots=True)
class ByProcessor:
    """Prepares an image as the checkpoint's processor does."""

    processor: Any
    """What ``AutoImageProcessor.from_pretrained`` returned."""

    def __call__(self, image: Pixels) -> npt.NDArray[np.float32]:
        """Return the processor's ``pixel_values``."""
        # the format is stated: guessing it goes wrong for an image of 3 rows
        inputs = self.processor(images=Image.fromarray(image), return_tensors="pt", input_data_format="channels_last")
        return np.asarray(inputs["pixel_values"][0], np.float32)


@dataclass(frozen=True, slots=True)
class ResizeCrop:
    """Resizes the short side to 256/224 of the model's size, crops the centre, and normalises the channels.

    The same, to the last digit, as torchvision's ``Resize(int(256 / 224 * size))``, ``CenterCrop(size)``,
    ``ToTensor()`` and ``Normalize(mean, std)`` on a Pillow image.
    """

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


def make_prepare(kind: str, processor: Any) -> Prepare:
    """Return the preprocessing of that kind.

    Parameters
    ----------
    kind : ``processor`` or ``resize-crop``.
    processor : a ``transformers`` image processor.

    Raises
    ------
    InputError : for another kind, or if the processor does not say what ``resize-crop`` has to know.
    """
    if kind == "processor":
        return ByProcessor(processor)
    if kind == "resize-crop":
        size = _side(processor)
        if size is None:
            msg = "the checkpoint's processor states no size, which resize-crop needs; use the preprocessing processor"
            raise InputError(msg)
        return ResizeCrop(size, *_normalisation(processor))
    msg = f"there is no preprocessing named {kind!r}; use processor or resize-crop"
    raise InputError(msg)


def _side(processor: Any) -> int | None:
    """Return the side of the model's square input."""
    sizes = [getattr(processor, "size", None)]
    if getattr(processor, "do_center_crop", False):
        sizes.insert(0, getattr(processor, "crop_size", None))
    for size in sizes:
        if isinstance(size, int):
            return size
        for key in ("height", "shortest_edge"):
            # a dictionary, or an object with the same names, by the version of transformers
            value = size.get(key) if isinstance(size, dict) else getattr(size, key, None)
            if value is not None:
                return int(value)
    return None


def _normalisation(processor: Any) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    mean, std = getattr(processor, "image_mean", None), getattr(processor, "image_std", None)
    if not getattr(processor, "do_normalize", True) or mean is None or std is None:
        return np.zeros(3, np.float32), np.ones(3, np.float32)
    return np.asarray(mean, np.float32), np.asarray(std, np.float32)
