"""Changed copies of a picture, which a good encoder still takes for the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lookalike.images.transforms import encode_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.images.decode import Pixels

_CROPPED = 0.75
_DEGREES = 10.0
_GOOD, _POOR = 90, 15


@dataclass(frozen=True, slots=True)
class Change:
    """A way to change a picture that leaves it recognisable."""

    name: str
    apply: Callable[[Pixels], Pixels]
    quality: int = _GOOD
    """Of the JPEG that it becomes, 1 to 100."""

    def __call__(self, pixels: Pixels) -> bytes:
        """Return the changed picture as a JPEG.

        Parameters
        ----------
        pixels : shape (height, width, 3), uint8; not modified.
        """
        return encode_jpeg(np.ascontiguousarray(self.apply(pixels)), self.quality)


def cropped(pixels: Pixels) -> Pixels:
    """Return the middle, three quarters as wide and high, at least a pixel."""
    height, width = pixels.shape[:2]
    top, left = (int(side * (1 - _CROPPED) / 2) for side in (height, width))
    return pixels[top : height - top, left : width - left]


def flipped(pixels: Pixels) -> Pixels:
    """Return the mirror image, left and right exchanged."""
    return pixels[:, ::-1]


def rotated(pixels: Pixels) -> Pixels:
    """Return the picture turned by 10 degrees in its frame, with its edges mirrored into the corners."""
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), _DEGREES, 1.0)
    source = np.ascontiguousarray(pixels)
    turned: Pixels = cv2.warpAffine(source, turn, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    return turned


def gray(pixels: Pixels) -> Pixels:
    """Return the picture without its colours, still in three channels."""
    luma = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    return np.repeat(luma[:, :, None], 3, axis=2)


def _same(pixels: Pixels) -> Pixels:
    return pixels


CHANGES = (
    Change("crop", cropped),
    Change("flip", flipped),
    Change("recompress", _same, _POOR),
    Change("rotate", rotated),
    Change("gray", gray),
)
"""Every change; each is the same at every run."""
