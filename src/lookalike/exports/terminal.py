"""A picture in the terminal, where the terminal can show one."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np

from lookalike.exports.thumbnails import fitted
from lookalike.images.transforms import encode_png

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PIL import Image

    from lookalike.images.decode import Pixels

_CELL = 10, 20
"""Pixels sent for one character cell, width and height: about what terminals use."""
_KITTY_CHUNK = 4096
"""The most base64 characters in one escape code of the Kitty protocol."""
_KONSOLE_WITH_IMAGES = 220400


def preview(pixels: Pixels, *, columns: int, environ: Mapping[str, str], stream_is_tty: bool) -> str | None:
    """Return the text that makes a terminal show a picture, or None where it cannot.

    Parameters
    ----------
    pixels : shape (height, width, 3), uint8, RGB.
    columns : the width on screen, in character cells, at least 1.
    environ : the environment that names the terminal.
    stream_is_tty : whether the text goes to a terminal.

    Returns
    -------
    Text that ends in a line break: an inline image of the Kitty or the iTerm2 protocol where the terminal is known
    to have it, half-block characters where it shows 24-bit colours, otherwise None.

    Notes
    -----
    The protocols: https://sw.kovidgoyal.net/kitty/graphics-protocol/ and https://iterm2.com/documentation-images.html.
    Inside tmux and screen, which swallow both, half blocks are used.
    """
    draw = _drawing(environ) if stream_is_tty else None
    return None if draw is None else draw(pixels, max(1, columns))


def _drawing(environ: Mapping[str, str]) -> Callable[[Pixels, int], str] | None:
    term, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "")
    if term == "dumb":
        return None
    if not (environ.get("TMUX") or environ.get("STY") or term.startswith(("screen", "tmux"))):
        if environ.get("KITTY_WINDOW_ID") or term in ("xterm-kitty", "xterm-ghostty") or program == "ghostty":
            return _kitty
        konsole = environ.get("KONSOLE_VERSION", "")
        if (
            program in ("iTerm.app", "WezTerm", "mintty")
            or environ.get("LC_TERMINAL") == "iTerm2"
            or (konsole.isdecimal() and int(konsole) >= _KONSOLE_WITH_IMAGES)
        ):
            return _iterm
    has_colours = environ.get("COLORTERM") in ("truecolor", "24bit") and not environ.get("NO_COLOR")
    return _half_blocks if has_colours else None


def _sized(pixels: Pixels, columns: int) -> Image.Image:
    width = columns * _CELL[0]
    return fitted(pixels, width, width)


def _kitty(pixels: Pixels, columns: int) -> str:
    payload = base64.b64encode(encode_png(np.asarray(_sized(pixels, columns)))).decode()
    chunks = [payload[start : start + _KITTY_CHUNK] for start in range(0, len(payload), _KITTY_CHUNK)]
    # q=2: the terminal must not answer, since its answer would be read as typed input
    keys = ["f=100,a=T,q=2,", *[""] * (len(chunks) - 1)]
    more = [*[1] * (len(chunks) - 1), 0]
    codes = (f"\x1b_G{key}m={flag};{chunk}\x1b\\" for key, flag, chunk in zip(keys, more, chunks, strict=True))
    return "".join(codes) + "\n"


def _iterm(pixels: Pixels, columns: int) -> str:
    image = _sized(pixels, columns)
    payload = encode_png(np.asarray(image))
    cells = -(-image.width // _CELL[0])
    options = f"inline=1;size={len(payload)};width={cells};preserveAspectRatio=1"
    return f"\x1b]1337;File={options}:{base64.b64encode(payload).decode()}\x07\n"


def _half_blocks(pixels: Pixels, columns: int) -> str:
    image = np.asarray(fitted(pixels, columns, columns))
    if len(image) % 2:
        image = np.concatenate([image, image[-1:]])
    lines = []
    for upper, lower in zip(image[::2].tolist(), image[1::2].tolist(), strict=True):
        cells = (
            f"\x1b[38;2;{r};{g};{b}m\x1b[48;2;{r2};{g2};{b2}m▀"
            for (r, g, b), (r2, g2, b2) in zip(upper, lower, strict=True)
        )
        lines.append("".join(cells) + "\x1b[0m\n")
    return "".join(lines)
