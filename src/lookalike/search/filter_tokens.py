"""A condition as it is written, cut into words, texts, numbers and signs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lookalike.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<text>'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")+"|`[^`]+`)
    | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
    | (?P<word>[^\W\d]\w*)
    | (?P<sign><=|>=|<>|!=|==|[-+*/%=<>(),])""",
    re.VERBOSE,
)


class FilterError(InputError):
    """What is wrong with a condition: a clause, to be completed by who knows the whole condition."""


@dataclass(frozen=True, slots=True)
class Token:
    """One part of a condition."""

    kind: str
    """``text``, ``name`` (in quotes), ``number``, ``word``, ``sign``, or ``end``."""
    value: str
    """Without quotes; words in lower case."""
    written: str
    place: int
    """Of its first character, from 1."""

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else f"{self.written!r} at character {self.place}"


def tokens_of(condition: str) -> Iterator[Token]:
    """Yield the tokens of a condition, and one for its end.

    Raises
    ------
    FilterError : if there is a character that no condition has, or a quotation mark without its other half.
    """
    place = 0
    while place < len(condition):
        found = _TOKEN.match(condition, place)
        if found is None:
            raise FilterError(_stray(condition[place], place + 1))
        kind, written = str(found.lastgroup), found[0]
        if kind != "space":
            yield Token(kind, _value(kind, written), written, place + 1)
        place = found.end()
    yield Token("end", "", "", place + 1)


def _value(kind: str, written: str) -> str:
    if kind in ("text", "name"):
        mark = written[0]
        return written[1:-1].replace(mark * 2, mark)
    return written.lower() if kind == "word" else written


def _stray(character: str, place: int) -> str:
    if character in "'\"`":
        return f"the quotation mark {character} at character {place} has no other half"
    return f"{character!r} at character {place} is not expected"
