"""Figures, tables and examples as one HTML file that needs nothing else: no network, no scripts, no other files."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, TypeAlias

from lookalike.exports.captions import plain
from lookalike.exports.html_page import breakable, document, section_html

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lookalike.exports.picture import Section

_STYLE = """
:root { --heat: 36 96 232; }
@media (prefers-color-scheme: dark) { :root { --heat: 124 165 255; } }
body { max-width: 1200px; }
.part { margin-top: 44px; }
.part > h2 { font-size: 18px; font-weight: 650; letter-spacing: -.01em; text-transform: none; color: var(--ink);
  margin-bottom: 6px; }
.note { color: var(--pale); max-width: 46em; margin-bottom: 14px; }
dl.facts { grid-template-columns: max-content minmax(0, 1fr); gap: 4px 20px; border: 0; padding: 0; margin-top: 14px;
  font-size: 15px; }
dl.facts dd { text-align: left; }
.scroll { overflow-x: auto; width: fit-content; max-width: 100%; background: var(--card);
  border: 1px solid var(--line); border-radius: 12px; }
.scroll:focus-visible { outline: 2px solid var(--accent); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 8px 14px; text-align: right; vertical-align: top; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { color: var(--pale); font-weight: 600; font-size: 13px; vertical-align: bottom; }
tbody tr { border-top: 1px solid var(--line); }
tbody th { font-weight: 600; white-space: normal; overflow-wrap: anywhere; min-width: 7em; }
.mean { font-weight: 600; }
.range { display: block; color: var(--pale); font-size: 13px; }
td:only-of-type { min-width: min(30em, 60vw); }
td:only-of-type .range { display: inline; }
.gauge { display: block; position: relative; height: 6px; min-width: 64px; margin-top: 5px; border-radius: 3px;
  background: var(--track); }
.gauge i, .gauge b { position: absolute; top: 0; height: 100%; border-radius: 3px; background: var(--accent); }
.gauge i { left: 0; opacity: .38; }
.gauge b { min-width: 2px; }
.matrix td, .matrix thead th { text-align: center; }
.matrix td { background: rgb(var(--heat) / var(--share)); min-width: 4.5em; }
.matrix td.right { box-shadow: inset 0 0 0 2px var(--accent); }
.matrix thead th { white-space: normal; overflow-wrap: anywhere; min-width: 6.5em; }
ol { grid-template-columns: repeat(auto-fill, minmax(min(140px, 44%), 1fr)); }
@media (max-width: 720px) { th, td { padding: 7px 10px; } dl.facts { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dl.facts dd { margin-bottom: 6px; } }
@media print { .part { break-inside: avoid-page; } .scroll { overflow: visible; } }
"""
_DEEPEST = 0.55
"""Of the colour behind a share of 1: text stays readable on it."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """A number in [0, 1] with an interval around it, drawn as a bar on which the interval is marked."""

    value: float
    low: float
    high: float


Cell: TypeAlias = str | Bounded


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of figures; the first cell of each is its heading."""

    heading: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Counts of pairs, each coloured by its share of its row."""

    heading: str
    note: str
    corner: str
    """What the names of rows and columns are."""
    names: Sequence[str]
    """Of rows and of columns."""
    counts: Mapping[str, Mapping[str, int]]
    """By row, then by column; 0 where there is none. A name without a row is a column alone."""


@dataclass(frozen=True, slots=True)
class Illustrations:
    """Queries with their hits."""

    heading: str
    note: str
    sections: Sequence[Section]


Part: TypeAlias = Table | Matrix | Illustrations


@dataclass(frozen=True, slots=True)
class Report:
    """What a page shows."""

    title: str
    facts: Mapping[str, str]
    parts: Sequence[Part]


def report_page(report: Report) -> str:
    """Write a report as an HTML document; see :func:`lookalike.exports.html_page.html_page`.

    Tables have headings of rows and columns that a screen reader announces, and scroll by themselves, also by the
    keyboard, where the screen is narrow.
    """
    facts = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in report.facts.items())
    parts = "".join(_part(part, number) for number, part in enumerate(report.parts))
    return document(f'<dl class="facts">{facts}</dl>\n{parts}', title=report.title, style=_STYLE)


def _part(part: Part, number: int) -> str:
    name = f"part{number}"
    if isinstance(part, Illustrations):
        content = "".join(section_html(section, level=3) for section in part.sections)
    else:
        table = _table(part) if isinstance(part, Table) else _matrix(part)
        content = f'<div class="scroll" role="region" aria-labelledby="{name}" tabindex="0">{table}</div>'
    note = f'<p class="note">{_text(part.note)}</p>' if part.note else ""
    return f'<div class="part">\n<h2 id="{name}">{_text(part.heading)}</h2>\n{note}{content}\n</div>\n'


def _table(table: Table) -> str:
    rows = "".join(f"<tr>{_row_heading(row[0])}{''.join(map(_cell, row[1:]))}</tr>\n" for row in table.rows)
    return f"<table>\n{_column_headings(table.columns)}<tbody>\n{rows}</tbody>\n</table>"


def _matrix(matrix: Matrix) -> str:
    asking = [name for name in matrix.names if name in matrix.counts]
    rows = "".join(_matrix_row(name, matrix.counts[name], matrix.names) for name in asking)
    headings = _column_headings([matrix.corner, *matrix.names])
    return f'<table class="matrix">\n{headings}<tbody>\n{rows}</tbody>\n</table>'


def _matrix_row(name: str, counts: Mapping[str, int], names: Sequence[str]) -> str:
    total = max(1, sum(counts.values()))
    cells = ""
    for other in names:
        count = counts.get(other, 0)
        right = ' class="right"' if other == name else ""
        cells += f'<td{right} style="--share: {_DEEPEST * count / total:.3f}">{count:,}</td>'
    return f"<tr>{_row_heading(name)}{cells}</tr>\n"


def _column_headings(columns: Sequence[str]) -> str:
    cells = "".join(f'<th scope="col">{_text(name)}</th>' for name in columns)
    return f"<thead><tr>{cells}</tr></thead>\n"


def _row_heading(cell: Cell) -> str:
    return f'<th scope="row">{_text(cell) if isinstance(cell, str) else _bounded(cell)}</th>'


def _cell(cell: Cell) -> str:
    return f"<td>{_text(cell) if isinstance(cell, str) else _bounded(cell)}</td>"


def _bounded(cell: Bounded) -> str:
    low, high = 100 * cell.low, 100 * cell.high
    return (
        f'<span class="mean">{cell.value:.3f}</span> <span class="range">{cell.low:.3f} to {cell.high:.3f}</span>'
        f'<span class="gauge" aria-hidden="true"><i style="width: {100 * cell.value:.1f}%"></i>'
        f'<b style="left: min({low:.1f}%, 100% - 2px); width: {high - low:.1f}%"></b></span>'
    )


def _text(text: str) -> str:
    return breakable(escape(plain(text)))
