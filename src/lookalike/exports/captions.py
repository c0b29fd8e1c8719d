"""Texts made fit to be shown."""

from __future__ import annotations

import os
import unicodedata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def plain(text: str) -> str:
    """Return ``text`` on one line, without characters that no reader sees or that could reverse its order.

    What stands for undecodable bytes in a file name becomes U+FFFD.
    """
    return " ".join("".join(_visible(char) for char in text).split())


def _visible(char: str) -> str:
    if char.isspace():
        return " "
    category = unicodedata.category(char)
    if category == "Cs":  # half of a surrogate pair
        return "\N{REPLACEMENT CHARACTER}"
    return "" if category in ("Cc", "Cf") else char


def short_name(name: str) -> str:
    """Return the last part of a path or URL, and anything else as it is."""
    # elsewhere a backslash is a character like others
    slashed = name.replace("\\", "/") if os.sep == "\\" else name
    return PurePosixPath(slashed).name or name


def elided(text: str, fits: Callable[[str], bool]) -> str:
    """Return the longest form of ``text``, its middle replaced by an ellipsis, that ``fits``.

    Both ends stay, since the end of a file name tells it from its neighbours.
    """
    if fits(text):
        return text
    low, high = 0, len(text)
    while low < high:
        kept = (low + high + 1) // 2
        if fits(_without_middle(text, kept)):
            low = kept
        else:
            high = kept - 1
    return _without_middle(text, low)


def _without_middle(text: str, kept: int) -> str:
    tail = (kept + 1) // 2
    return f"{text[: kept - tail].rstrip()}…{text[len(text) - tail :].lstrip()}"


def score_text(score: float) -> str:
    """Return a score in three decimals, with a true minus sign."""
    return f"{score:.3f}".replace("-", "\N{MINUS SIGN}")
