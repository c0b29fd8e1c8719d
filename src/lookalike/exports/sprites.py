"""Many small pictures in a few large ones, for a page that shows thousands."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lookalike.images.transforms import thumbnail

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lookalike.images.decode import Pixels

COLUMNS = 32
"""Pictures in a row of a sheet, which has as many rows."""
_SIDES = ((1_000, 128), (3_000, 96), (10_000, 64))
_SMALLEST = 48
_QUALITIES = (75, 55, 35, 15, 1)


@dataclass(slots=True)
class Sprites:
    """The pictures in their order, ``COLUMNS`` squared of them on each sheet, row by row."""

    side: int
    """Of the square that each is fitted into, at its upper left, in pixels."""
    sheets: list[str] = field(default_factory=list)
    """``data:`` URIs of WebP files."""
    sizes: list[tuple[int, int]] = field(default_factory=list)
    """The width and height of each picture; zeros where there is none."""


def side_for(count: int) -> int:
    """Return how large so many pictures can be on one page, in pixels."""
    return next((side for most, side in _SIDES if count <= most), _SMALLEST)


def sprites_of(pictures: Iterable[Pixels | None], count: int, *, most_bytes: int) -> Sprites:
    """Lay pictures out on sheets.

    Parameters
    ----------
    pictures : each of shape (height, width, 3), uint8, RGB; a place stays empty where there is none.
    count : how many there are.
    most_bytes : what all sheets together may take; they become as coarse as that needs.
    """
    sprites = Sprites(side_for(count))
    per_sheet = COLUMNS * COLUMNS
    sheet = _blank(sprites.side)
    for number, pixels in enumerate(pictures):
        row, column = divmod(number % per_sheet, COLUMNS)
        small = np.empty((0, 0, 3), np.uint8) if pixels is None else thumbnail(pixels, sprites.side)
        height, width = small.shape[:2]
        top, left = row * sprites.side, column * sprites.side
        sheet[top : top + height, left : left + width] = small
        sprites.sizes.append((width, height))
        if number % per_sheet == per_sheet - 1 or number == count - 1:
            share = most_bytes * (number % per_sheet + 1) // count
            sprites.sheets.append(_encoded(sheet[: top + sprites.side], share))
            sheet = _blank(sprites.side)
    return sprites


def _blank(side: int) -> Pixels:
    return np.full((COLUMNS * side, COLUMNS * side, 3), 128, np.uint8)


def _encoded(sheet: Pixels, most_bytes: int) -> str:
    """Return the sheet in the best quality that is small enough, or else in the least."""
    data = b""
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        Image.fromarray(sheet).save(buffer, "WEBP", quality=quality, method=3)
        data = buffer.getvalue()
        if len(data) <= most_bytes * 3 // 4:  # base64 takes a third more
            break
    return f"data:image/webp;base64,{base64.b64encode(data).decode()}"
