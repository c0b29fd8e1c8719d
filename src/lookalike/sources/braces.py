"""Ranges in braces, as the names of shards are written: ``x-{000..009}.tar``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}|\{([^{}]*,[^{}]*)\}")


def has_braces(text: str) -> bool:
    """Say whether a text has a range or a choice in braces."""
    return _BRACES.search(text) is not None


def expand_braces(text: str) -> Iterator[str]:
    """Yield the names that a text with ranges ``{000..009}`` and choices ``{a,b}`` stands for, in their order.

    As in a shell, numbers are as wide as the wider end of their range if one of them begins with a zero.

    Examples
    --------
    >>> list(expand_braces("{a,b}-{09..10}.tar"))
    ['a-09.tar', 'a-10.tar', 'b-09.tar', 'b-10.tar']
    """
    found = _BRACES.search(text)
    if found is None:
        yield text
        return
    for choice in _choices(found):
        for rest in expand_braces(text[found.end() :]):
            yield f"{text[: found.start()]}{choice}{rest}"


def _choices(found: re.Match[str]) -> Iterator[str]:
    first, last, words = found.groups()
    if words is not None:
        yield from words.split(",")
        return
    is_padded = any(len(end) > 1 and end[0] == "0" for end in (first, last))
    width = max(len(first), len(last)) if is_padded else 0
    step = 1 if int(first) <= int(last) else -1
    for number in range(int(first), int(last) + step, step):
        yield f"{number:0{width}d}"
