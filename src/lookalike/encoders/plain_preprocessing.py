"""A checkpoint's preprocessing from a few numbers, without ``transformers``, whose import takes seconds.

Most image processors do the same in this order: resize, crop the centre, scale, normalise. What they were set to is
noted with a converted model if that chain returns what the processor itself returns, number for number.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PIL import Image

from lookalike.encoders.fast_preprocessing import FastChain
from lookalike.encoders.preprocessing import ResizeCrop
from lookalike.encoders.probe import probe_images

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from lookalike.encoders.preprocessing import Prepare
    from lookalike.images.decode import Pixels

_CONVNEXT_WARPS_FROM = 384
"""Side from which on ConvNeXT's processor resizes to the square instead of cropping it."""
_TOLERANCE = 1e-6
"""Of normalised values, which are of the order of 1."""


@dataclass(frozen=True)
class PlainProcessor:
    """Resizes, crops the centre, scales and normalises."""

    kind: ClassVar[str] = "processor"
    decode_side: ClassVar[int | None] = None
    decode_drift: ClassVar[float | None] = None
    short: int | None
    """Pixels that the short side is resized to, keeping the proportions."""
    square: tuple[int, int] | None
    """Height and width to resize to instead."""
    crop: tuple[int, int] | None
    """Height and width that are left of the centre."""
    resample: int
    """Pillow's number of the filter."""
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, image: Pixels) -> npt.NDArray[np.float32]:
        """Return shape (3, height, width)."""
        height, width = self._resized(*image.shape[:2])
        resized = image
        if (height, width) != image.shape[:2]:
            resized = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling(self.resample)))
        if self.crop is not None:
            top, left = (height - self.crop[0]) // 2, (width - self.crop[1]) // 2
            resized = resized[top : top + self.crop[0], left : left + self.crop[1]]
        return np.stack([values[resized[:, :, channel]] for channel, values in enumerate(self._values)])

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        if self.square is not None:
            return self.square
        if self.short is None:
            return height, width
        longer = int(self.short * max(height, width) / min(height, width))
        return (longer, self.short) if width <= height else (self.short, longer)

    @cached_property
    def _values(self) -> npt.NDArray[np.float32]:
        """What each of the 256 levels becomes, for each channel."""
        scaled = (np.arange(256) * self.scale).astype(np.float32)
        mean, std = (np.array(values, np.float32)[:, np.newaxis] for values in (self.mean, self.std))
        values: npt.NDArray[np.float32] = (scaled - mean) / std
        return values


def described(prepare: Prepare, processor: Any) -> dict[str, Any] | None:
    """Return the numbers that a checkpoint's preprocessing comes down to, as JSON-ready values.

    Parameters
    ----------
    prepare : the preprocessing itself.
    processor : the ``transformers`` image processor behind it.

    Returns
    -------
    What :func:`restored` takes; None if that would not do the same.
    """
    if isinstance(prepare, ResizeCrop):
        numbers = {"size": prepare.size, "mean": prepare.mean.tolist(), "std": prepare.std.tolist()}
        return {"kind": "resize-crop", **numbers}
    if isinstance(prepare, FastChain):
        return {"kind": "fast", **prepare.to_dict()}
    try:
        plain = _guessed(processor)
        images = [*probe_images(), *(image[:1, :3] for image in probe_images()[:1])]
        is_same = all(_agree(plain(image), prepare(image)) for image in images)
    except (ArithmeticError, AttributeError, IndexError, TypeError, ValueError):
        return None  # it is set to something else altogether
    return {"kind": "plain", **asdict(plain)} if is_same else None


def restored(numbers: Mapping[str, Any]) -> Prepare:
    """Return the preprocessing that :func:`described` noted.

    Raises
    ------
    KeyError, TypeError, ValueError : if the numbers are damaged.
    """
    values = dict(numbers)
    if values.pop("kind") == "resize-crop":
        mean, std = (np.asarray(values[name], np.float32) for name in ("mean", "std"))
        return ResizeCrop(int(values["size"]), mean, std)
    if numbers["kind"] == "fast":
        return FastChain.from_dict(values)
    chosen: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return PlainProcessor(**chosen)


def _guessed(processor: Any) -> PlainProcessor:
    size = _as_dict(processor.size) if processor.do_resize else {}
    short, square, crop = size.get("shortest_edge"), None, None
    if "height" in size:
        square = (int(size["height"]), int(size["width"]))
    if getattr(processor, "do_center_crop", False):
        crop_size = _as_dict(processor.crop_size)
        crop = (int(crop_size["height"]), int(crop_size["width"]))
    kept = getattr(processor, "crop_pct", None)
    if kept is not None and short is not None:  # ConvNeXT's
        square, crop = ((short, short), crop) if short >= _CONVNEXT_WARPS_FROM else (None, (short, short))
        short = int(short / kept)
    return PlainProcessor(
        short=short if square is None else None,
        square=square,
        crop=crop,
        resample=int(processor.resample),
        scale=float(processor.rescale_factor) if processor.do_rescale else 1.0,
        mean=tuple(processor.image_mean) if processor.do_normalize else (0.0,) * 3,
        std=tuple(processor.image_std) if processor.do_normalize else (1.0,) * 3,
    )


def _as_dict(size: Any) -> dict[str, int]:
    """Return a size, a dictionary or an object with the same names by the version of transformers."""
    if isinstance(size, int):
        return {"height": size, "width": size}
    values = size if isinstance(size, dict) else vars(size)
    return {name: value for name, value in values.items() if value is not None}


def _agree(found: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> bool:
    return found.shape == expected.shape and bool(np.abs(found - expected).max() <= _TOLERANCE)
