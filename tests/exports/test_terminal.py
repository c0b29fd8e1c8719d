from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from lookalike.exports.terminal import preview

TRUECOLOR = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


@pytest.fixture
def pixels():
    noise = np.random.default_rng(0).integers(0, 256, (150, 300, 3), np.uint8)
    noise.flags.writeable = False
    return noise


def _kind(pixels, environ, *, tty=True):
    text = preview(pixels, columns=10, environ=environ, stream_is_tty=tty)
    if text is None:
        return None
    starts = {"\x1b_G": "kitty", "\x1b]1337;File=": "iterm", "\x1b[38;2;": "blocks"}
    return next(kind for start, kind in starts.items() if text.startswith(start))


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-ghostty", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm"),
        ({"TERM": "xterm", "TERM_PROGRAM": "mintty"}, "iterm"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "230804"}, "iterm"),
        ({**TRUECOLOR, "KONSOLE_VERSION": "210800"}, "blocks"),
        (TRUECOLOR, "blocks"),
        ({"TERM": "xterm-direct", "COLORTERM": "24bit"}, "blocks"),
        ({**TRUECOLOR, "TERM_PROGRAM": "iTerm.app", "TMUX": "/tmp/tmux-1/default,1,0"}, "blocks"),
        ({**TRUECOLOR, "TERM": "screen-256color", "KITTY_WINDOW_ID": "1"}, "blocks"),
        ({**TRUECOLOR, "NO_COLOR": "1"}, None),
        ({**TRUECOLOR, "TERM": "dumb"}, None),
        ({"TERM": "xterm-256color"}, None),
        ({}, None),
    ],
)
def test_each_terminal_gets_what_it_can_show(pixels, environ, kind):
    assert _kind(pixels, environ) == kind
    assert _kind(pixels, environ, tty=False) is None


def test_kitty_gets_the_picture_in_chunks_and_is_told_not_to_answer(pixels):
    text = preview(pixels, columns=30, environ={"TERM": "xterm-kitty"}, stream_is_tty=True)
    codes = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", text)
    assert "".join(f"\x1b_G{keys};{chunk}\x1b\\" for keys, chunk in codes) + "\n" == text
    assert len(codes) > 1
    assert {"f=100", "a=T", "q=2", "m=1"} == set(codes[0][0].split(","))
    assert [keys for keys, _ in codes[1:]] == ["m=1"] * (len(codes) - 2) + ["m=0"]
    assert all(len(chunk) % 4 == 0 and len(chunk) <= 4096 for _, chunk in codes)
    image = Image.open(io.BytesIO(base64.b64decode("".join(chunk for _, chunk in codes), validate=True)))
    assert (image.format, image.size) == ("PNG", (300, 150))
    assert np.asarray(image).tolist() == pixels.tolist()


def test_iterm_gets_the_picture_and_its_width_in_cells(pixels):
    text = preview(pixels, columns=20, environ={"TERM_PROGRAM": "iTerm.app"}, stream_is_tty=True)
    options, payload = re.fullmatch(r"\x1b\]1337;File=([^:]*):([^\x07]*)\x07\n", text).groups()
    data = base64.b64decode(payload, validate=True)
    assert options.split(";") == ["inline=1", f"size={len(data)}", "width=20", "preserveAspectRatio=1"]
    assert Image.open(io.BytesIO(data)).size == (200, 100)


def test_half_blocks_are_two_pixels_each():
    stripes = np.zeros((60, 80, 3), np.uint8)
    stripes[:20] = (250, 0, 0)
    stripes[20:40] = (0, 250, 0)
    stripes[40:] = (0, 0, 250)
    text = preview(stripes, columns=8, environ=TRUECOLOR, stream_is_tty=True)
    lines = text.splitlines()
    assert len(lines) == 3
    cell = r"\x1b\[38;2;(\d+);(\d+);(\d+)m\x1b\[48;2;(\d+);(\d+);(\d+)m▀"
    for line, strongest in zip(lines, (0, 1, 2), strict=True):
        assert re.fullmatch(f"(?:{cell}){{8}}\x1b\\[0m", line)
        cells = np.array(re.findall(cell, line), int).reshape(-1, 2, 3)
        assert (cells.argmax(axis=2) == strongest).all()


def test_an_odd_number_of_rows_repeats_the_last():
    text = preview(np.full((30, 100, 3), 9, np.uint8), columns=10, environ=TRUECOLOR, stream_is_tty=True)
    assert len(text.splitlines()) == 2
    assert set(re.findall(r"2;(\d+;\d+;\d+)m", text)) == {"9;9;9"}
