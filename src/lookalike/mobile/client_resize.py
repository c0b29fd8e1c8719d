"""The resize of the client: what a phone makes of a picture before the model sees it.

The TFLite Task Library has libyuv squash the picture to the model's size (``ARGBScale`` with ``kFilterBilinear``, in
``source/scale_argb.cc``): two taps in each direction without antialiasing, in fixed point with 8 bits vertically and 7
bits horizontally. Reductions by whole numbers average or pick pixels. Where x86 rounds an average of four twice, this
rounds once, as other processors do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.images.decode import Pixels

_ONE = 1 << 16
_HALF = _ONE >> 1


class _Axis(NamedTuple):
    """Where the samples of one axis lie, in 1/65536 of a pixel."""

    first: int
    step: int
    samples: int

    def positions(self, last: int) -> npt.NDArray[np.int64]:
        return np.minimum(self.first + self.step * np.arange(self.samples, dtype=np.int64), last)


def client_resize(image: Pixels, width: int, height: int) -> Pixels:
    """Return the picture as the client gives it to a model of that size; its proportions are not kept.

    Parameters
    ----------
    image : shape (h, w, 3), uint8; not modified.
    width, height : of the model's input.

    Returns
    -------
    Shape (height, width, 3), uint8.
    """
    rows, columns = image.shape[:2]
    filters_rows = rows not in (1, height, 3 * height)
    if columns == 1 or (not filters_rows and columns in (width, 3 * width)):
        return _picked(image, _points(columns, width), _points(rows, height))
    across = _samples(columns, width)
    down = _samples(rows, height) if filters_rows else _points(rows, height)
    if across.step % _ONE == down.step % _ONE == 0:
        steps = (across.step // _ONE, down.step // _ONE)
        if all(step and step % 2 == 0 for step in steps):
            return _averaged(image, across, down, filters_rows=filters_rows)
        if all(step % 2 == 1 for step in steps):
            return _picked(image, across, down)
    if across.step == _ONE and across.first == 0:
        return _blended_rows(image, down, max(((rows - 1) << 16) - 1, 0), filters_rows=filters_rows)
    last = (rows - 1) << 16
    if down.step < _ONE:  # enlarged: horizontally first
        return _blended_rows(_blended_columns(image, across), down, last, filters_rows=filters_rows)
    return _blended_columns(_blended_rows(image, down, last, filters_rows=filters_rows), across)


def _samples(source: int, target: int) -> _Axis:
    if target <= source:
        step = (source << 16) // target
        return _Axis((step >> 1) - _HALF, step, target)
    if source > 1:
        return _Axis(0, ((source << 16) - _ONE - 1) // (target - 1), target)
    return _Axis(0, 0, target)


def _points(source: int, target: int) -> _Axis:
    step = (source << 16) // target
    return _Axis(step >> 1, step, target)


def _picked(image: Pixels, across: _Axis, down: _Axis) -> Pixels:
    rows = down.positions((image.shape[0] - 1) << 16) >> 16
    columns = across.positions((image.shape[1] - 1) << 16) >> 16
    return np.asarray(image[rows[:, None], columns[None]])


def _averaged(image: Pixels, across: _Axis, down: _Axis, *, filters_rows: bool) -> Pixels:
    rows = (down.first >> 16) + (down.step >> 16) * np.arange(down.samples)
    columns = (across.first >> 16) + (across.step >> 16) * np.arange(across.samples)
    below = rows + 1 if filters_rows else rows
    total = np.full((len(rows), len(columns), 3), 2, np.uint16)
    for row in (rows, below):
        for column in (columns, columns + 1):
            total += image[row[:, None], column[None]]
    return (total >> 2).astype(np.uint8)


def _blended_rows(image: Pixels, down: _Axis, last: int, *, filters_rows: bool) -> Pixels:
    positions = down.positions(last)
    upper = positions >> 16
    if not filters_rows:
        return np.asarray(image[upper])
    weight = ((positions >> 8) & 255).astype(np.uint16)[:, None, None]
    lower = np.minimum(upper + 1, len(image) - 1)
    return np.asarray((image[upper] * (256 - weight) + image[lower] * weight + 128) >> 8, np.uint8)


def _blended_columns(image: Pixels, across: _Axis) -> Pixels:
    positions = across.positions((image.shape[1] - 1) << 16)
    left = positions >> 16
    weight = ((positions >> 9) & 127).astype(np.uint16)[None, :, None]
    right = np.minimum(left + 1, image.shape[1] - 1)
    return np.asarray((image[:, left] * (127 - weight) + image[:, right] * weight) >> 7, np.uint8)
