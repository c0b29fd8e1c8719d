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
_LEAST, _MOST = 0.1, 0.7
"""How far a place of the least and of the greatest heat is covered by its colour."""


def heated(pixels: Pixels, heat: npt.NDArray[np.floating[Any]]) -> Pixels:
    """Return a picture under its heat map, from violet for the least to yellow for the greatest value.

    Parameters
    ----------
    pixels : shape (height, width, 3), uint8, RGB; not modified.
    heat : shape (height, width); where it is NaN the picture is dimmed.
    """
    is_seen = ~np.isnan(heat)
    least, greatest = heat[is_seen].min(initial=np.inf), heat[is_seen].max(initial=-np.inf)
    share = np.where(is_seen, (heat - least) / max(greatest - least, 1e-12), 0.0)
    colours = cv2.applyColorMap((255 * share).astype(np.uint8), cv2.COLORMAP_INFERNO)[:, :, ::-1]
    cover = np.where(is_seen, _LEAST + (_MOST - _LEAST) * share, 0.0)[:, :, None]
    mixed = (1 - cover) * pixels + cover * colours
    mixed[~is_seen] *= _DIMMED
    covered: Pixels = mixed.astype(np.uint8)
    return covered


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
    for place, (picture, image) in enumerate(zip(pictures, small, strict=True)):
        left = _GAP + place * (side + _GAP)
        sheet.paste(image, (left, top))
        for line, (text, colour) in enumerate(((picture.title, _INK), (picture.subtitle, _PALE))):
            drawn = lettering(text, _FONT, side)
            draw.text((left, top + tallest + (line + 1) * _LINE), drawn.text, colour, drawn.font, anchor="ls")
    return np.asarray(sheet)
