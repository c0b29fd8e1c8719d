"""Fonts that draw a text, whatever its script."""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass

from PIL import ImageFont

from lookalike.exports.captions import elided, plain

# Pillow brings a font of a few hundred glyphs; these, looked up by name among the system's, know other scripts
_SYSTEM_FONTS = ("DejaVuSans.ttf", "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "arial.ttf", "msyh.ttc")
_NO_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Lettering:
    """A text and a font that has a glyph for each of its characters."""

    text: str
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont


def lettering(text: str, size: float, width: float) -> Lettering:
    """Return ``text`` on one line of at most ``width`` pixels, shortened in its middle if need be.

    A character that no font at hand can draw is replaced by its base letter, or by a question mark.
    """
    line = plain(text)
    # the first of those that draw the most of it
    font = max(_fonts(size), key=lambda font: sum(_draws(font, char) for char in line))
    if not _draws(font, line):
        line = "".join(char if _draws(font, char) else _substitute(font, char) for char in line)
    return Lettering(elided(line, lambda shorter: font.getlength(shorter) <= width), font)


@functools.cache
def _fonts(size: float) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, ...]:
    return ImageFont.load_default(size), *filter(None, (_system_font(name, size) for name in _SYSTEM_FONTS))


def _system_font(name: str, size: float) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


def _draws(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, text: str) -> bool:
    return all(char.isspace() or _glyph(font, char) != _glyph(font, _NO_CHARACTER) for char in text)


@functools.lru_cache(maxsize=4096)
def _glyph(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, char: str) -> bytes:
    return bytes(font.getmask(char))


def _substitute(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, char: str) -> str:
    base = "".join(part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part))
    return base if base and _draws(font, base) else "?"
