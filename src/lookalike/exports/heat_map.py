"""Two pictures side by side, each under its heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lookalike.exports.lettering import lettering
from lookalike.exports.thumbnails import fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lookalike.exports.picture import Picture
    from lookalike.images.decode import Pixels

_PAGE, _INK, _PALE = "#ffffff", "#1a1f29", "#667085"
_GAP, _FONT, _LINE = 24, 17, 25
_DIMMED = 0.3
_COVER = 0.55
"""How far a picture is covered by the colours of its map."""
_BAR = 160, 12
_MIDDLE = 128
"""The grey under the colours of the legend: half way of those in pictures."""


def heated(pixels: Pixels, heat: npt.NDArray[np.floating[Any]]) -> Pixels:
    """Return a picture in grey under its heat map, from black for the least to yellow for the greatest value.

    Parameters
    ----------
    pixels : shape (height, width, 3), uint8, RGB; not modified.
    heat : shape (height, width); where it is NaN the picture is dimmed.
    """
    is_seen = ~np.isnan(heat)
    least, greatest = heat[is_seen].min(initial=np.inf), heat[is_seen].max(initial=-np.inf)
    share = np.where(is_seen, (heat - least) / max(greatest - least, 1e-12), 0.0)
    grey = pixels.mean(axis=2, keepdims=True)
    mixed: Pixels = ((1 - _COVER) * grey + _COVER * _colours(share)).astype(np.uint8)
    return np.where(is_seen[:, :, None], mixed, (_DIMMED * grey).astype(np.uint8))


def side_by_side(pictures: Sequence[Picture], heading: str, *, side: int = 480) -> Pixels:
    """Draw pictures in a row, each with its title and subtitle below.

    Parameters
    ----------
    pictures : at least one, with pixels.
    heading : stands above them.
    side : of the square that each is fitted into, in pixels.

    Returns
    -------
    Shape (height, width, 3), uint8, RGB, on white.
    """
    small = [fitted(picture.pixels, side, side) for picture in pictures if picture.pixels is not None]
    top, tallest = 2 * _GAP + _LINE, max(image.height for image in small)
    sheet = Image.new("RGB", (_GAP + len(small) * (side + _GAP), top + tallest + 3 * _LINE), _PAGE)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT)
    draw.text((_GAP, _GAP), heading, _INK, font)
    _legend(sheet, (sheet.width - _GAP, _GAP + _FONT // 2), font)
    for place, (picture, image) in enumerate(zip(pictures, small, strict=True)):
        left = _GAP + place * (side + _GAP)
        sheet.paste(image, (left, top))
        for line, (text, colour) in enumerate(((picture.title, _INK), (picture.subtitle, _PALE))):
            drawn = lettering(text, _FONT, side)
            draw.text((left, top + tallest + (line + 1) * _LINE), drawn.text, colour, drawn.font, anchor="ls")
    return np.asarray(sheet)


def _legend(sheet: Image.Image, end: tuple[int, int], font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> None:
    """Draw the scale of the colours, its right end in the middle of its height given."""
    draw, (right, middle), (length, height) = ImageDraw.Draw(sheet), end, _BAR
    draw.text((right, middle), "most", _PALE, font, anchor="rm")
    right -= round(font.getlength("most ")) + length
    scale = np.full((height, length, 3), _MIDDLE, np.uint8)
    bar = Image.fromarray(heated(scale, np.tile(np.linspace(0, 1, length), (height, 1))))
    sheet.paste(bar, (right, middle - height // 2))
    draw.text((right - font.getlength(" "), middle), "least", _PALE, font, anchor="rm")


def _colours(shares: npt.NDArray[np.floating[Any]]) -> Pixels:
    """Return a colour for each value in [0, 1]; shape (height, width, 3)."""
    colours: Pixels = cv2.applyColorMap((255 * shares).astype(np.uint8), cv2.COLORMAP_INFERNO)[:, :, ::-1]
    return np.ascontiguousarray(colours)
