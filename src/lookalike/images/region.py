"""A rectangular part of a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

from lookalike.errors import InputError

if TYPE_CHECKING:
    from lookalike.images.pixels import Pixels

Box: TypeAlias = tuple[int, int, int, int]
"""x and y of the upper left corner, width and height, in pixels of the upright picture."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in pixels of the upright picture, or in fractions of its sides.

    Fractions are meant if no number is larger than 1: ``(0, 0, 1, 1)`` is the whole picture and not its first pixel;
    also if none is as large as 2 and one is no whole number, as in ``(0.5, 0.5, 0.5, 1.2)``, which is cut off at 1.

    Raises
    ------
    InputError : if a number is not finite, or a side not positive.
    """

    x: float
    """Of the left edge; what lies beyond the picture is cut off."""
    y: float
    """Of the upper edge."""
    width: float
    height: float

    def __post_init__(self) -> None:
        if not all(_is_finite(number) for number in self.numbers):
            msg = f"a region is four finite numbers x, y, width, height, got {self}; see the example 10,20,300,200"
            raise InputError(msg)
        if self.width <= 0 or self.height <= 0:
            msg = f"the region {self} is empty: its width and height must be above 0"
            raise InputError(msg)

    def __str__(self) -> str:
        return ",".join(f"{number:g}" if _is_finite(number) else repr(number) for number in self.numbers)

    @classmethod
    def of(cls, value: Any) -> Region:
        """Return what a user gave as a region: one, four numbers, or these as text, such as ``0,0,0.5,1``.

        Raises
        ------
        InputError : if it is none of these, or empty.
        """
        if isinstance(value, Region):
            return value
        try:
            numbers = [float(part) for part in value.split(",")] if isinstance(value, str) else list(value)
        except (TypeError, ValueError):
            numbers = []
        if len(numbers) != len(cls.__slots__):
            msg = f"a region is x,y,width,height in pixels or fractions, such as 10,20,300,200, and not {value!r}"
            raise InputError(msg)
        return cls(*numbers)

    @property
    def numbers(self) -> tuple[float, float, float, float]:
        """x, y, width and height."""
        return (self.x, self.y, self.width, self.height)

    def box_in(self, width: int, height: int) -> Box:
        """Return the part of it that lies within a picture of that size, with edges rounded to whole pixels.

        Raises
        ------
        InputError : if there is none.
        """
        largest = max(self.numbers)
        is_relative = largest <= 1 or (largest < 2 and not all(float(number).is_integer() for number in self.numbers))
        across, down = (width, height) if is_relative else (1, 1)
        left, right = (_rounded(edge * across, width) for edge in (self.x, self.x + self.width))
        top, bottom = (_rounded(edge * down, height) for edge in (self.y, self.y + self.height))
        if left >= right or top >= bottom:
            msg = f"the region {self} holds no pixel of the picture, which is {width} x {height}; move or enlarge it"
            raise InputError(msg)
        return left, top, right - left, bottom - top


def cut(pixels: Pixels, region: Region) -> Pixels:
    """Return the part of an upright picture; a view of ``pixels``.

    Raises
    ------
    InputError : if the region holds none of it.
    """
    return cut_box(pixels, region.box_in(pixels.shape[1], pixels.shape[0]))


def cut_box(pixels: Pixels, box: Box) -> Pixels:
    """Return the pixels of a box that lies within the picture; a view of ``pixels``."""
    left, top, width, height = box
    return pixels[top : top + height, left : left + width]


def _rounded(edge: float, side: int) -> int:
    return round(min(max(edge, 0), side))


def _is_finite(number: Any) -> bool:
    return isinstance(number, Real) and math.isfinite(number)
