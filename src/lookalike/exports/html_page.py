"""Queries and their hits as one HTML file that needs nothing else: no network, no scripts, no other files."""

from __future__ import annotations

import re
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from lookalike.exports.captions import plain, score_text
from lookalike.exports.thumbnails import jpeg_uri

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lookalike.exports.picture import Picture, Section
    from lookalike.images.ref import Scalar

_QUERY_SIDE = 512
_HIT_SIDE = 320

_STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --mat: #eceff3; --ink: #171c26; --pale: #5b6576;
  --line: #e1e5eb; --accent: #2460e8; --track: #e4e8ef; }
@media (prefers-color-scheme: dark) { :root { --page: #0f1217; --card: #181d25; --mat: #222832; --ink: #eceff4;
  --pale: #a0aaba; --line: #2a313c; --accent: #7ca5ff; --track: #2c3440; } }
* { box-sizing: border-box; margin: 0; }
body { background: var(--page); color: var(--ink); font: 15px/1.45 system-ui, -apple-system, "Segoe UI", sans-serif;
  padding: clamp(16px, 3vw, 40px); max-width: 1560px; margin: auto; -webkit-text-size-adjust: 100%; }
h1 { font-size: 22px; font-weight: 650; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2, h3 { font-size: 12px; font-weight: 600; letter-spacing: .07em; text-transform: uppercase; color: var(--pale);
  margin-bottom: 10px; }
.asked { font-size: 17px; font-weight: 600; margin-bottom: -14px; overflow-wrap: anywhere; }
section { display: grid; grid-template-columns: minmax(200px, 300px) minmax(0, 1fr); gap: 32px; padding: 28px 0; }
section + section { border-top: 1px solid var(--line); }
.asked, .wide { grid-column: 1 / -1; }
.query { position: sticky; top: 24px; align-self: start; }
.query .card { border: 2px solid var(--accent); }
ol { list-style: none; padding: 0; display: grid; gap: 16px;
  grid-template-columns: repeat(auto-fill, minmax(min(184px, 44%), 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; overflow: hidden;
  position: relative; display: flex; flex-direction: column; height: 100%; }
.frame { position: relative; aspect-ratio: 1; background: var(--mat); display: grid; place-items: center;
  color: var(--pale); }
.frame img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }
.rank { position: absolute; top: 8px; left: 8px; min-width: 26px; padding: 0 8px; border-radius: 13px; font-size: 13px;
  font-weight: 600; line-height: 26px; text-align: center; background: #11151ddb; color: #fff; }
.text { padding: 10px 12px 12px; }
.title { font-weight: 600; overflow-wrap: anywhere; }
.subtitle { color: var(--pale); font-size: 14px; overflow-wrap: anywhere; }
.score { display: flex; align-items: center; gap: 10px; margin-bottom: 6px; font-variant-numeric: tabular-nums;
  font-size: 14px; font-weight: 600; color: var(--accent); }
.bar { flex: 1; height: 6px; border-radius: 3px; background: var(--track); overflow: hidden; }
.bar i { display: block; height: 100%; border-radius: 3px; background: var(--accent); }
dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 2px 10px; margin-top: 8px; padding-top: 8px;
  border-top: 1px solid var(--line); font-size: 13px; }
dt { color: var(--pale); }
dd { overflow-wrap: anywhere; text-align: right; }
.none { color: var(--pale); }
@media (max-width: 720px) { section { grid-template-columns: minmax(0, 1fr); gap: 20px; }
  .query { position: static; } .query .card { flex-direction: row; height: auto; align-items: center; }
  .query .frame { width: 42%; flex: none; } ol { gap: 10px; } }
@media print { .query { position: static; } .card { break-inside: avoid; } }
"""


def html_page(sections: Iterable[Section], *, title: str) -> str:
    """Write queries and their hits as an HTML document.

    Parameters
    ----------
    sections : each query is shown beside its hits, these with rank, score, name and attributes. Pictures are scaled
        down and held in the document.
    title : of the document.

    Returns
    -------
    The whole document; write it in UTF-8. Every text is escaped, and the document's own policy forbids scripts and
    requests.

    Notes
    -----
    A bar is drawn beside the scores of a section if all of them are cosines, as far as can be told: in [-1, 1] with
    one above 0. The full bar stands for 1.
    """
    return document("".join(section_html(section) for section in sections), title=title)


def document(body: str, *, title: str, style: str = "") -> str:
    """Return a whole HTML document of a body whose texts are escaped, with its title as the first heading.

    Parameters
    ----------
    body : what stands under the title, in HTML; its pictures are ``data:`` URIs.
    title : any text.
    style : rules besides those of cards and sections.
    """
    name = escape(plain(title))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        f"<title>{name}</title>\n<style>{_STYLE}{style}</style>\n</head>\n"
        f"<body>\n<h1>{name}</h1>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def section_html(section: Section, *, level: int = 2) -> str:
    """Return a query beside its hits as HTML, with headings of that level."""
    heading = f'<p class="asked">{escape(plain(section.heading))}</p>\n' if section.heading else ""
    query = ""
    if section.query is not None:
        card = _card(section.query, _QUERY_SIDE, "")
        query = f'<div class="query"><h{level}>{escape(section.query_title)}</h{level}>{card}</div>\n'
    scores = [hit.score for hit in section.hits if hit.score is not None]
    has_bars = bool(scores) and max(scores) > 0 and all(abs(score) <= 1.001 for score in scores)
    cards = "".join(
        f"<li>{_card(hit, _HIT_SIDE, _rank(place + 1), has_bar=has_bars)}</li>\n"
        for place, hit in enumerate(section.hits)
    )
    hits = f"<ol>\n{cards}</ol>" if cards else '<p class="none">Nothing found.</p>'
    wide = "" if query else ' class="wide"'
    found = f"<h{level}>{len(section.hits)} {escape(section.title)}</h{level}>{hits}"
    return f"<section>\n{heading}{query}<div{wide}>{found}</div>\n</section>\n"


def _rank(rank: int) -> str:
    return f'<span class="rank" aria-label="rank {rank}">{rank}</span>'


def _card(picture: Picture, side: int, badge: str, *, has_bar: bool = False) -> str:
    title = escape(plain(picture.title))
    frame = "missing"
    if picture.pixels is not None:
        frame = f'<img src="{jpeg_uri(picture.pixels, side)}" alt="{title}" loading="lazy">'
    score = "" if picture.score is None else _score(picture.score, has_bar=has_bar)
    subtitle = f'<p class="subtitle">{escape(plain(picture.subtitle))}</p>' if picture.subtitle else ""
    pairs = "".join(
        f"<dt>{escape(plain(name))}</dt><dd>{escape(plain(_value(value)))}</dd>"
        for name, value in picture.attributes.items()
        if value is not None and value != ""
    )
    attributes = f"<dl>{pairs}</dl>" if pairs else ""
    return (
        f'<article class="card"><div class="frame">{frame}</div>{badge}'
        f'<div class="text">{score}<p class="title">{breakable(title)}</p>{subtitle}{attributes}</div></article>'
    )


def breakable(escaped: str) -> str:
    """Let a file name break where a reader would, rather than in the middle of a word."""
    return re.sub("([_/-]+)", r"\1<wbr>", escaped)


def _score(score: float, *, has_bar: bool) -> str:
    percent = 100 * min(1.0, max(0.0, score))
    bar = f'<span class="bar"><i style="width: {percent:.1f}%"></i></span>' if has_bar else ""
    return f'<p class="score">{bar}<span>{score_text(score)}</span></p>'


def _value(value: Scalar) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
