"""What is asked on the page: pictures, words and items, led by what was marked good or bad."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lookalike.errors import InputError
from lookalike.images.region import Region
from lookalike.search.terms import Kind, Query, Term
from lookalike.server.schemas import MOST_PIXELS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from lookalike.images.region import Box

_GOOD, _BAD = 0.75, 0.15


@dataclass(frozen=True, slots=True)
class Marks:
    """What the user said of hits: the ids of items."""

    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.good or self.bad)

    def toggled(self, item: str, mark: str) -> Marks:
        """Return the marks with an item marked ``good`` or ``bad``, or without its mark if it had that one."""
        others = {name: tuple(i for i in getattr(self, name) if i != item) for name in ("good", "bad")}
        if item not in getattr(self, mark):
            others[mark] += (item,)
        return replace(self, **others)


def asked_terms(picture: bytes | None, region: str, text: str) -> tuple[Term, ...]:
    """Return what was put into the page, as terms; never a path, whatever a client types.

    Raises
    ------
    InputError : if there is nothing, or a region is none.
    """
    terms = []
    if picture is not None:
        terms.append(Term(picture, crop=Region.of(region) if region.strip() else None, kind=Kind.IMAGE))
    if text.strip():
        terms.append(Term(text.strip(), kind=Kind.TEXT))
    if not terms:
        msg = "there is nothing to search for yet; choose a picture or an example"
        raise InputError(msg)
    return tuple(terms)


def item_of(sent: Mapping[str, Any]) -> str:
    """Return the id that a client sent.

    Raises
    ------
    InputError : if it is none.
    """
    item = sent.get("id")
    if not isinstance(item, str):
        msg = f"an item is named by its id, and not {item!r}"
        raise InputError(msg)
    return item


def box_of(sent: Mapping[str, Any]) -> Box | None:
    """Return the part of an item's picture that a client sent with its id; None if it sent none.

    Raises
    ------
    InputError : if it is none.
    """
    box = sent.get("box")
    if box is None:
        return None
    x, y, width, height = (round(min(max(number, 0), MOST_PIXELS)) for number in Region.of(box).numbers)
    return x, y, width, height


def item_term(item: Any) -> Term:
    """Return an item of the gallery as a term."""
    return Term(item, kind=Kind.ID)


def led_by(terms: tuple[Term, ...], marks: Marks) -> Query:
    """Return a query that is led towards what was marked good and away from what was marked bad.

    Notes
    -----
    Rocchio's method with the usual weights 1, 0.75 and 0.15: G. Salton and C. Buckley, Improving retrieval performance
    by relevance feedback, Journal of the American Society for Information Science 41 (4), 1990.
    """
    good = [Term(item, _GOOD / len(marks.good), kind=Kind.ID) for item in marks.good]
    bad = [Term(item, -_BAD / len(marks.bad), kind=Kind.ID) for item in marks.bad]
    return Query([*terms, *good, *bad])
