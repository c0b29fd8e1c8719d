"""Where the terms of a query begin and end in its text; nothing heavy is imported here."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

HUB = "hf:"
"""Begins the name of a data set of the hub."""
ITEM = "id:"
"""Begins the text that names an item of the gallery."""
MOST_TERMS = 32
_QUOTED = r'"[^"]*"(?=\s|$)'
_SIGNS = re.compile(rf"(?:^|(?<=[\s:])){_QUOTED}|(?:^|(?<=\s))(?P<sign>[+-])\s+(?=\S)")
_WEIGHT = re.compile(r"(\d+(?:\.\d*)?|\.\d+):(?=\S)")


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the text between two signs."""

    sign: str | None
    """The one before it, if any."""
    start: int
    end: int


def split(text: str) -> list[Part]:
    """Return the parts of a text, at least one."""
    parts = []
    sign, start = None, 0
    for match in _SIGNS.finditer(text):
        if match["sign"] is None:
            continue
        before = text[: match.start()].rstrip()
        if before:
            parts.append(Part(sign, start, len(before)))
        sign, start = match["sign"], match.end()
    return [*parts, Part(sign, start, len(text if sign is None else text.rstrip()))]


def weighted(part: str) -> tuple[float, str]:
    """Return the weight that stands before a part, and what it weighs."""
    found = _WEIGHT.match(part)
    return (float(found[1]), part[found.end() :]) if found else (1.0, part)


def quoted(part: str) -> str | None:
    """Return what stands in double quotes; None if a part is not in them."""
    return part[1:-1] if re.fullmatch(_QUOTED, part) else None


def candidates(text: str) -> set[str]:
    """Return all that a query may name as one file: itself, and each stretch of it from one part to another.

    Examples
    --------
    >>> sorted(candidates("a.jpg - 2:b.jpg"))
    ['2:b.jpg', 'a.jpg', 'a.jpg - 2:b.jpg', 'b.jpg']
    """
    parts = split(text)
    found = {text}
    if len(parts) <= MOST_TERMS:
        found.update(text[first.start : last.end] for at, first in enumerate(parts) for last in parts[at:])
    found.update([weighted(part)[1] for part in found])
    return found | {words for words in map(quoted, found) if words is not None}


def names_file(text: str) -> bool:
    """Say whether a text is the path of a file that exists."""
    # unlike those of Path, these functions take any text, however long
    return os.path.isfile(os.path.expanduser(text))  # noqa: PTH111, PTH113
