"""Hits as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from lookalike.api.hits import share_of, subtitle_of
from lookalike.exports.captions import plain, score_text, short_name
from lookalike.server.served import addresses, jsonable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lookalike.api.hits import Hits
    from lookalike.search.hit import Hit
    from lookalike.server.page.asking import Marks

_ENDING = 11
"""Characters at the end of a name that are shown in any case: they tell it from its neighbours."""
_TOOLS = (
    ("more", "More like this", ""),
    ("good", "Good", ' aria-pressed="{good}"'),
    ("bad", "Bad", ' aria-pressed="{bad}"'),
    ("why", "Why?", ""),
)


def prefix_of(gallery: str) -> str:
    """Return what the addresses of a gallery's items begin with."""
    return f"/galleries/{quote(gallery, safe='')}"


def picture_of(item: str, gallery: str) -> str:
    """Return the address of an item's picture in full."""
    return f"{prefix_of(gallery)}/pictures/{quote(item, safe='')}"


def hits_html(hits: Hits, gallery: str, marks: Marks) -> str:
    """Return the hits of a search as a list of cards."""
    if not len(hits):
        return '<p class="look-empty">Nothing in the gallery fits. Leave out less, or change the filter.</p>'
    cards = "".join(_hit_card(hit, gallery, marks) for hit in hits)
    order = "least" if hits.are_least else "most"
    return f'<ol class="look-hits" aria-label="Hits, the {order} alike first">{cards}</ol>'


def examples_html(items: Iterable[Hit], gallery: str) -> str:
    """Return items of the gallery as examples to search by."""
    examples = "".join(
        f'<button type="button" data-do="more" data-id="{exactly(item.id)}" title="{text(item.id)}">'
        f"{_image(item, gallery, f'Search by {short_name(item.id)}')}</button>"
        for item in items
    )
    return f'<p>Or like one of these:</p><div role="group" aria-label="Examples">{examples}</div>'


def text(value: object) -> str:
    """Return a text as HTML, also within quotes; what the templates of Gradio would take for theirs is escaped too."""
    return exactly(plain(str(value)))


def exactly(value: str) -> str:
    """Return a text as HTML that means every character of it, such as an id that is sent back."""
    return escape(value).replace("{", "&#123;").replace("$", "&#36;")


def card(hit: Hit, gallery: str, *, value: str, below: str, tools: str) -> str:
    """Return an item as a card: its picture, name and a value, what is told below as HTML, and buttons."""
    shown = plain(short_name(hit.id))
    name, identity = text(shown), text(hit.id)
    halves = f"<span>{exactly(shown[:-_ENDING])}</span><span>{exactly(shown[-_ENDING:])}</span>"
    known = {"id": hit.id, **jsonable(hit.attributes)}
    facts = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in known.items())
    return (
        f'<li><button type="button" class="look-picture" data-do="open" data-src="{text(picture_of(hit.id, gallery))}" '
        f'aria-label="Open {name}">{_image(hit, gallery, "")}{_box(hit)}</button>'
        f'<p><b title="{identity}">{halves}</b><span class="look-score">{value}</span></p>'
        f'<p class="look-pale">{below}</p>'
        f'<div class="look-tools" role="group" aria-label="{name}">{tools}</div><dl hidden>{facts}</dl></li>'
    )


def _hit_card(hit: Hit, gallery: str, marks: Marks) -> str:
    pressed = {"good": str(hit.id in marks.good).lower(), "bad": str(hit.id in marks.bad).lower()}
    box = "" if hit.box is None else f' data-box="{",".join(map(str, hit.box))}"'
    named = f'data-id="{exactly(hit.id)}"{box}'
    tools = "".join(
        f'<button type="button" data-do="{do}" {named}{state.format(**pressed)}>{label}</button>'
        for do, label, state in _TOOLS
    )
    below = f"<span>{text(subtitle_of(hit))}</span>{_strength(hit)}"
    return card(hit, gallery, value=score_text(hit.score), below=below, tools=tools)


def _strength(hit: Hit) -> str:
    return "" if hit.strength is None else f'<span class="look-strength" data-is="{hit.strength}">{hit.strength}</span>'


def _image(hit: Hit, gallery: str, alternative: str) -> str:
    source = addresses(hit.id, prefix_of(gallery))["thumbnail"]
    return f'<img src="{text(source)}" alt="{text(alternative)}" loading="lazy" decoding="async">'


def _box(hit: Hit) -> str:
    """Return a frame around the part that was found, if that is not all."""
    share = share_of(hit)
    if share is None:
        return ""
    # the frame lies in a box of the picture's shape, as the picture does
    width, height = hit.attributes["width"], hit.attributes["height"]
    place = f"left:{share.x:.2%};top:{share.y:.2%};width:{share.width:.2%};height:{share.height:.2%}"
    return f'<span class="look-frame" style="aspect-ratio:{width}/{height}"><i style="{place}"></i></span>'
