"""Queries as text: ``beach.jpg + "sunset" - 0.5:people``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.errors import InputError
from lookalike.search.notation import ITEM, MOST_TERMS, names_file, quoted, split, weighted
from lookalike.search.terms import Kind, Query, Term, told_text

if TYPE_CHECKING:
    from collections.abc import Callable


def parse_query(
    text: str, *, is_item: Callable[[str], bool] = lambda _: False, is_file: Callable[[str], bool] = names_file
) -> Query:
    """Return the query that a text means.

    Terms are joined by ``+`` and ``-`` with a space on both sides. Beside others, a term may have its weight before it,
    as in ``2:sunset``. A term in double quotes is words, whatever is in them but the path of an existing file. That is
    the file though it holds such signs, and so is the ``id:ID`` of an item: the longest is taken. A text without a sign
    is one term, as it stands.

    Parameters
    ----------
    text : for example ``beach.jpg + "sunset" - 0.5:people``.
    is_item : whether the gallery has an item of that id.
    is_file : whether a text is the path of a file that exists.

    Raises
    ------
    InputError : if a sign has no term, or there are more than 32 terms.
    """

    def exists(part: str) -> bool:
        return is_file(part) or (part.startswith(ITEM) and is_item(part[len(ITEM) :]))

    def is_one(part: str) -> bool:
        return exists(part) or exists(weighted(part)[1])

    def term(part: str, sign: float) -> Term:
        weight, what = (1.0, part) if exists(part) else weighted(part)
        words = quoted(what)
        if words is not None and not exists(words):
            return Term(words, sign * weight, kind=Kind.TEXT)
        kind, named = told_text(what if words is None else words, is_file)
        # without its kind, a path stays as it is
        return Term(named, sign * weight, kind=None if kind is Kind.FILE else kind)

    parts = split(text)
    if (len(parts) == 1 and parts[0].sign is None and quoted(text) is None) or exists(text):
        kind, named = told_text(text, is_file)
        return Query([Term(named, kind=None if kind is Kind.FILE else kind)])
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
        terms.append(term(part, -1.0 if parts[at].sign == "-" else 1.0))
        at = end
    return Query(terms)
