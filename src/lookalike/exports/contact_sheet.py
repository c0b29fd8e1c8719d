"""A query and its hits as one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lookalike.errors import InputError
from lookalike.exports.lettering import lettering
from lookalike.exports.thumbnails import fitted

if TYPE_CHECKING:
    from lookalike.exports.picture import Picture, Section
    from lookalike.images.decode import Pixels

_PAGE = "#ffffff"
_MAT = "#f1f3f6"
_MISSING = "#e2e5ea"
_INK = "#1a1f29"
_PALE = "#667085"
_ACCENT = "#2f6bff"
_SMOOTH = 4  # shapes are drawn this much larger, then reduced: Pillow draws without anti-aliasing


@dataclass(frozen=True)
class _Layout:
    """Every length in pixels, in proportion to the side of a thumbnail."""

    thumb: int
    columns: int
    rows: int
    has_query: bool
    is_asked: bool
    """Whether a line above all says what was asked."""

    @property
    def gap(self) -> int:
        return max(8, self.thumb // 11)

    @property
    def line(self) -> int:
        return max(14, round(self.thumb * 0.095))

    @property
    def font_size(self) -> int:
        return max(10, round(self.thumb * 0.068))

    @property
    def small_size(self) -> float:
        return self.font_size * 0.86

    @property
    def caption(self) -> int:
        """The height of what stands under a thumbnail."""
        return round(self.line * 2.3)

    @property
    def radius(self) -> int:
        return max(3, self.thumb // 22)

    @property
    def query_side(self) -> int:
        return round(self.thumb * 1.5)

    @property
    def heading(self) -> int:
        """The height of the line over the query and over the hits."""
        return round(self.line * 1.5)

    @property
    def hits_left(self) -> int:
        return 2 * self.gap + (self.query_side + 2 * self.gap if self.has_query else 0)

    @property
    def headings_top(self) -> int:
        return 2 * self.gap + (2 * self.line if self.is_asked else 0)

    @property
    def top(self) -> int:
        return self.headings_top + self.heading

    @property
    def size(self) -> tuple[int, int]:
        hits = self.rows * (self.thumb + self.caption + self.gap) - self.gap
        query = self.query_side + self.caption if self.has_query else 0
        width = self.hits_left + self.columns * (self.thumb + self.gap) + self.gap
        return width, self.top + max(hits, query) + 2 * self.gap

    def cell(self, place: int) -> tuple[int, int]:
        """Return the upper left corner of the thumbnail at that place, counted from 0 in reading order."""
        row, column = divmod(place, self.columns)
        step = self.thumb + self.gap
        return self.hits_left + column * step, self.top + row * (step + self.caption)


def contact_sheet(section: Section, *, columns: int = 5, thumb: int = 224) -> Pixels:
    """Draw a query beside its hits, each with its rank, name and score.

    Parameters
    ----------
    section : its query is drawn larger, in a frame, at the left; its heading stands above all; its hits are in reading
        order, and a picture whose pixels are None is drawn as a grey box that says so.
    columns : the most hits in a row, at least 1.
    thumb : the side of the square that each hit is fitted into, in pixels, at least 48.

    Returns
    -------
    Shape (height, width, 3), uint8, RGB, on white.

    Raises
    ------
    InputError : if ``columns`` or ``thumb`` is too small.
    """
    if columns < 1 or thumb < 48:
        msg = f"a contact sheet needs at least 1 column and thumbnails of 48 pixels, got {columns} and {thumb}"
        raise InputError(msg)
    query, hits = section.query, section.hits
    columns = max(1, min(columns, len(hits)))
    layout = _Layout(thumb, columns, max(1, -(-len(hits) // columns)), query is not None, bool(section.heading))
    sheet = _Sheet(layout)
    if section.heading:
        sheet.asked(section.heading)
    if query is not None:
        left = 2 * layout.gap
        sheet.heading(left, "QUERY")
        sheet.frame((left, layout.top), layout.query_side)
        sheet.picture(query, (left, layout.top), layout.query_side)
        sheet.caption(query, (left, layout.top + layout.query_side), layout.query_side)
    sheet.heading(layout.hits_left, f"{len(hits)} {section.title.upper()}" if hits else "NOTHING FOUND")
    for place, hit in enumerate(hits):
        left, top = layout.cell(place)
        sheet.picture(hit, (left, top), thumb)
        sheet.rank(place + 1, (left, top))
        sheet.caption(hit, (left, top + thumb), thumb)
    return np.asarray(sheet.image)


class _Sheet:
    """The drawing of one contact sheet."""

    def __init__(self, layout: _Layout) -> None:
        self._layout = layout
        self.image = Image.new("RGB", layout.size, _PAGE)
        self._draw = ImageDraw.Draw(self.image)
        self._font = ImageFont.load_default(layout.font_size)
        self._small = ImageFont.load_default(layout.small_size)

    def heading(self, left: int, text: str) -> None:
        """Write what stands below, over its left edge."""
        self._draw.text((left, self._layout.headings_top), text, _PALE, self._small)

    def asked(self, text: str) -> None:
        """Write what was asked over the whole width."""
        inset = 2 * self._layout.gap
        line = lettering(text, self._layout.font_size, self._layout.size[0] - 2 * inset)
        self._draw.text((inset, inset), line.text, _INK, line.font)

    def frame(self, corner: tuple[int, int], side: int) -> None:
        """Draw a frame around the square of a picture, a little apart from it."""
        border = max(2, side // 90)
        for grown, colour in ((2 * border, _ACCENT), (border, _PAGE)):
            fill = Image.new("RGB", (side + 2 * grown, side + 2 * grown), colour)
            self._paste(fill, (corner[0] - grown, corner[1] - grown), self._layout.radius + grown)

    def picture(self, picture: Picture, corner: tuple[int, int], side: int) -> None:
        """Draw the pixels in the middle of a square with round corners."""
        square = Image.new("RGB", (side, side), _MISSING if picture.pixels is None else _MAT)
        if picture.pixels is None:
            ImageDraw.Draw(square).text((side / 2, side / 2), "missing", _PALE, self._font, anchor="mm")
        else:
            small = fitted(picture.pixels, side, side)
            square.paste(small, ((side - small.width) // 2, (side - small.height) // 2))
        self._paste(square, corner, self._layout.radius)

    def rank(self, rank: int, corner: tuple[int, int]) -> None:
        """Draw the rank on a dark pill over the upper left corner of a thumbnail."""
        height = round(self._layout.font_size * 1.5)
        width = max(height, round(self._small.getlength(str(rank)) + height * 0.7))
        pill = Image.new("RGB", (width, height), _INK)
        ImageDraw.Draw(pill).text((width / 2, height / 2), str(rank), _PAGE, self._small, anchor="mm")
        inset = self._layout.thumb // 30
        self._paste(pill, (corner[0] + inset, corner[1] + inset), height // 2)

    def caption(self, picture: Picture, corner: tuple[int, int], width: int) -> None:
        """Write the title, the score at its right, and the subtitle below."""
        # on the baseline, since the fonts of a line may differ
        left, base = corner[0], corner[1] + round(self._layout.line * 1.25)
        room = float(width)
        if picture.score is not None:
            score = f"{picture.score:.3f}"
            self._draw.text((left + width, base), score, _ACCENT, self._font, anchor="rs")
            room -= self._font.getlength(score) + self._layout.gap / 2
        title = lettering(picture.title, self._layout.font_size, room)
        self._draw.text((left, base), title.text, _INK, title.font, anchor="ls")
        subtitle = lettering(picture.subtitle, self._layout.small_size, width)
        self._draw.text((left, base + self._layout.line), subtitle.text, _PALE, subtitle.font, anchor="ls")

    def _paste(self, image: Image.Image, corner: tuple[int, int], radius: int) -> None:
        large = Image.new("L", (image.width * _SMOOTH, image.height * _SMOOTH))
        box = (0, 0, large.width - 1, large.height - 1)
        ImageDraw.Draw(large).rounded_rectangle(box, radius * _SMOOTH, fill=255)
        self.image.paste(image, corner, large.reduce(_SMOOTH))
