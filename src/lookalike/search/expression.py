"""Queries as text: ``beach.jpg + "sunset" - 0.5:people``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lookalike.errors import InputError
from lookalike.search.terms import ITEM, MOST_TERMS, Kind, Query, Term, names_file

if TYPE_CHECKING:
    from collections.abc import Callable

_QUOTED = r'"[^"]*"(?=\s|$)'
_SIGNS = re.compile(rf"(?:^|(?<=[\s:])){_QUOTED}|(?:^|(?<=\s))(?P<sign>[+-])\s+(?=\S)")
_WEIGHT = re.compile(r"(\d+(?:\.\d*)?|\.\d+):(?=\S)")


def parse_query(text: str, *, is_item: Callable[[str], bool] = lambda _: False) -> Query:
    """Return the query that a text means.

    Terms are joined by ``+`` and ``-`` with a space on both sides. Beside others, a term may have its weight before it,
    as in ``2:sunset``. A term in double quotes is words, whatever is in them but the path of an existing file. That is
    the file though it holds such signs, and so is the ``id:ID`` of an item: the longest is taken. A text without a sign
    is one term, as it stands.

    Parameters
    ----------
    text : for example ``beach.jpg + "sunset" - 0.5:people``.
    is_item : whether the gallery has an item of that id.

    Raises
    ------
    InputError : if a sign has no term, or there are more than 32 terms.
    """

    def exists(part: str) -> bool:
        return names_file(part) or (part.startswith(ITEM) and is_item(part[len(ITEM) :]))

    def is_one(part: str) -> bool:
        return exists(part) or exists(_weighted(part)[1])

    parts = _split(text)
    if (len(parts) == 1 and parts[0].sign is None and not re.fullmatch(_QUOTED, text)) or exists(text):
        return Query([text])
    if len(parts) > MOST_TERMS:
        msg = f"the query has {len(parts)} terms, and may have {MOST_TERMS}; put words with dashes in double quotes"
        raise InputError(msg)
    terms = []
    at = 0
    while at < len(parts):
        ends = range(len(parts), at + 1, -1)
        end = next((e for e in ends if is_one(text[parts[at].start : parts[e - 1].end])), at + 1)
        part = text[parts[at].start : parts[end - 1].end]
        if not part:
            msg = f"a sign in {text!r} has no term after it; put words with signs in double quotes"
            raise InputError(msg)
        terms.append(_term(part, -1.0 if parts[at].sign == "-" else 1.0, exists))
        at = end
    return Query(terms)


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of the text between two signs."""

    sign: str | None
    """The one before it, if any."""
    start: int
    end: int


def _split(text: str) -> list[_Part]:
    parts = []
    sign, start = None, 0
    for match in _SIGNS.finditer(text):
        if match["sign"] is None:
            continue
        before = text[: match.start()].rstrip()
        if before:
            parts.append(_Part(sign, start, len(before)))
        sign, start = match["sign"], match.end()
    return [*parts, _Part(sign, start, len(text if sign is None else text.rstrip()))]


def _weighted(part: str) -> tuple[float, str]:
    found = _WEIGHT.match(part)
    return (float(found[1]), part[found.end() :]) if found else (1.0, part)


def _term(part: str, sign: float, exists: Callable[[str], bool]) -> Term:
    weight, what = (1.0, part) if exists(part) else _weighted(part)
    if re.fullmatch(_QUOTED, what):
        words = what[1:-1]
        return Term(words, sign * weight, kind=None if exists(words) else Kind.TEXT)
    return Term(what, sign * weight)
