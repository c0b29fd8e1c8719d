"""The parts of the page that show the gallery as a whole."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING

import gradio

from lookalike.api.evaluation_report import report_of
from lookalike.api.map import MapOptions
from lookalike.errors import InputError
from lookalike.exports.report_page import report_page
from lookalike.server.page.cards import picture_of
from lookalike.server.page.trouble import shown_trouble
from lookalike.server.schemas import MOST_ON_MAP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lookalike.building.report import Progress
    from lookalike.search.hit import Hit
    from lookalike.server.served import ServedGallery

PROGRESS = gradio.Progress()


def add_map(galleries: Mapping[str, ServedGallery], gallery: gradio.Dropdown) -> None:
    """Add the part that draws a gallery as a map."""
    draw = gradio.Button("Draw the map", variant="primary", elem_id="look-draw")
    shown = gradio.HTML(
        f"Images that are alike lie together; of many, a sample of {MOST_ON_MAP:,}.", elem_id="look-map"
    )

    def map_of(name: str, progress: gradio.Progress = PROGRESS) -> str:
        with shown_trouble():
            served = named(galleries, name)
            options = MapOptions(
                most=MOST_ON_MAP, progress=told_on(progress), link=partial(_address, name), title=f"Images of {name}"
            )
            return _frame(served.insights.map_page(options).decode(), "Map of the gallery")

    draw.click(map_of, gallery, shown, concurrency_limit=1, concurrency_id="whole", api_visibility="private")


def add_evaluation(galleries: Mapping[str, ServedGallery], gallery: gradio.Dropdown) -> None:
    """Add the part that judges how well a gallery ranks its own items."""
    judge = gradio.Button("Evaluate", variant="primary", elem_id="look-judge")
    about = "Up to 1,000 items ask for the others with their label; without labels, changed copies for their originals."
    shown = gradio.HTML(about, elem_id="look-evaluation")

    def evaluation_of(name: str, progress: gradio.Progress = PROGRESS) -> str:
        with shown_trouble():
            served = named(galleries, name)
            found = served.insights.evaluation(name, progress=told_on(progress))
            return _frame(report_page(report_of(found)), "Evaluation of the gallery")

    judge.click(evaluation_of, gallery, shown, concurrency_limit=1, concurrency_id="whole", api_visibility="private")


class _Told:
    """Tells a progress bar."""

    def __init__(self, bar: gradio.Progress) -> None:
        self._bar = bar
        self._total = 0
        self._done = 0

    def expect(self, items: int) -> None:
        self._total, self._done = items, 0
        self._bar((0, items))

    def advance(self, items: int, failed: int) -> None:  # noqa: ARG002  (the protocol of progress)
        self._done += items
        self._bar((self._done, max(self._done, self._total)))

    def waiting(self, holder: str) -> None:
        self._bar(0, desc=f"waiting for {holder}")

    def note(self, text: str) -> None:
        self._bar(0, desc=text)


def told_on(bar: gradio.Progress) -> Progress:
    """Return what tells a progress bar."""
    return _Told(bar)


def named(galleries: Mapping[str, ServedGallery], name: str) -> ServedGallery:
    """Return the gallery of that name.

    Raises
    ------
    InputError : if there is none.
    """
    if name not in galleries:
        msg = f"the server has no gallery {name!r}; choose another"
        raise InputError(msg)
    return galleries[name]


def _address(gallery: str, hit: Hit) -> str:
    return picture_of(hit.id, gallery)


def _frame(page: str, title: str) -> str:
    """Return a page within the page, from which it is kept apart."""
    # a picture that is opened from it is a page of the service again
    allowed = "allow-scripts allow-popups allow-popups-to-escape-sandbox"
    return f'<iframe class="look-page" sandbox="{allowed}" title="{escape(title)}" srcdoc="{escape(page)}"></iframe>'
