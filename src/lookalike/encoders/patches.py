"""What an encoder sees at each place of an image, and which part of an image it sees at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from lookalike.images.decode import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """The features of n images, each on a grid that spans the model's input."""

    features: npt.NDArray[np.float32]
    """Shape (n, rows, columns, dim)."""
    are_averaged: bool
    """Whether an image's embedding is the mean of its features, but for a factor."""


@dataclass(frozen=True, slots=True)
class View:
    """The part of an image that becomes a model's input.

    In shares of the image's width and height; below 0 and above 1 where the input is padded.
    """

    left: float
    top: float
    right: float
    bottom: float


def view_of(prepare: Callable[[Pixels], npt.NDArray[Any]], height: int, width: int) -> View:
    """Return which part of an image of that size a preprocessing keeps.

    Nothing is assumed of it but that it resizes, crops and pads along the axes: pictures whose brightness grows from
    one edge to the other are prepared, and the levels that come out tell the places that they were taken from.

    Parameters
    ----------
    prepare : returns a model's input, of shape (3, rows, columns) or (rows, columns, 3).

    Raises
    ------
    InputError : if what it returns is no picture.
    """
    black, white = (_levels(prepare(np.full((height, width, 3), level, np.uint8))) for level in (0, 255))
    contrast = white - black
    is_image = contrast > contrast.max() / 2  # else padding, which is the same for both

    def kept(ramp: npt.NDArray[np.uint8], axis: int) -> tuple[float, float]:
        prepared = _levels(prepare(np.ascontiguousarray(np.broadcast_to(ramp[..., None], (height, width, 3)))))
        shares = np.divide(prepared - black, contrast, out=np.zeros_like(contrast), where=is_image)
        lines = np.flatnonzero(is_image.any(axis=1 - axis))
        along = (shares.sum(axis=1 - axis) / np.maximum(is_image.sum(axis=1 - axis), 1))[lines]
        return _ends(lines, along, count=is_image.shape[axis], side=ramp.size)

    top, bottom = kept(_ramp(height)[:, None], 0)
    left, right = kept(_ramp(width)[None, :], 1)
    return View(left, top, right, bottom)


def _levels(prepared: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the mean over the channels, shape (rows, columns)."""
    values = prepared["pixel_values"] if prepared.dtype.names else prepared
    if values.ndim != 3 or 3 not in (values.shape[0], values.shape[2]):
        msg = "the encoder cuts images into patches by itself, so that their places are not known; use another encoder"
        raise InputError(msg)
    levels: npt.NDArray[np.float64] = values.mean(axis=0 if values.shape[0] == 3 else 2, dtype=np.float64)
    return levels


def _ramp(side: int) -> npt.NDArray[np.uint8]:
    return np.linspace(0, 255, side).round().astype(np.uint8)


def _ends(
    lines: npt.NDArray[np.intp], levels: npt.NDArray[np.float64], *, count: int, side: int
) -> tuple[float, float]:
    """Return where the first of ``count`` lines begins and the last ends, from the levels of some of them."""
    if len(lines) < 2:
        return 0.0, 1.0
    places = (levels * (side - 1) + 0.5) / side
    slope, start = np.polyfit(lines, places, 1)
    middle, length = start + slope * (count - 1) / 2, max(slope * count, 1 / side)
    return float(middle - length / 2), float(middle + length / 2)
