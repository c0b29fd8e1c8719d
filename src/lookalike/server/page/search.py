"""The part of the page that searches."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio

from lookalike.errors import ImageDecodeError, InputError
from lookalike.evaluation.sample import label_column
from lookalike.gallery.strata import sample_rows
from lookalike.images.decode import as_pixels
from lookalike.search.items import as_hits, item_columns
from lookalike.search.notation import ITEM
from lookalike.search.options import AUTO, RERANKINGS
from lookalike.search.terms import Query
from lookalike.server.page.asking import Marks, asked_terms, box_of, item_of, item_term, led_by
from lookalike.server.page.cards import examples_html, hits_html, text
from lookalike.server.page.explaining import explanation_html
from lookalike.server.page.overview import named
from lookalike.server.page.trouble import shown_trouble, trouble_html
from lookalike.server.requests import validated
from lookalike.server.schemas import Narrowing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lookalike.api.gallery import Gallery
    from lookalike.api.hits import Hits
    from lookalike.search.terms import Term
    from lookalike.server.served import ServedGallery

_EXAMPLES = 8
_MOST_SHOWN = 100
_BELOW = "below"
_CUTOFFS = [("Nothing", "nothing"), ("Weak hits", AUTO), ("Hits below a score", _BELOW)]
_EXPANSIONS = [
    ("The query alone", ""),
    ("Its best neighbours too", "neighbours"),
    ("Crops of the picture too", "crops"),
]
_RERANKINGS = [("By likeness", ""), *((f"Anew, {way}", way) for way in RERANKINGS)]
_BY_LIKENESS = ("Likeness", "")
_CARDS, _EXPLAINED = "lookalike.cards(element, trigger, watch)", "lookalike.explained(element, watch)"
_TOLD = "lookalike.told(element, watch)"
"""Of page.js, run when their components are there."""
_NOTHING_YET = '<p role="status">What looks alike is shown here.</p>'


@dataclass(frozen=True, slots=True)
class _Form:
    """What the controls hold, as the client sent it."""

    gallery: str
    picture: dict[str, Any] | None
    region: str | None
    words: str | None
    k: float
    where: str | None
    cutoff: str | None
    min_score: float | None
    collapse: bool
    diversity: float
    sort: str | None
    expand: str | None
    rerank: str | None
    reverse: bool
    exclude: str | None

    @property
    def title(self) -> str:
        """What is asked, for people; empty if nothing is."""
        parts = []
        if self.picture is not None:
            parts.append("a part of the picture" if (self.region or "").strip() else "the picture")
        if (self.words or "").strip():
            parts.append("the words")
        return " and ".join(parts)

    def terms(self) -> tuple[Term, ...]:
        picture = None if self.picture is None else Path(self.picture["path"]).read_bytes()
        return asked_terms(picture, self.region or "", self.words or "")

    def narrowing(self, *, include_self: bool) -> Narrowing:
        where = (self.where or "").strip() or None
        min_score = {AUTO: AUTO, _BELOW: self.min_score}.get(self.cutoff or "")
        values = {"k": self.k, "where": where, "min_score": min_score, "include_self": include_self}
        # no diversity is the plain ranking, which needs no rows to be compared with each other
        shaped = {"collapse": self.collapse, "diversity": self.diversity or None, "sort": self.sort or None}
        ranked = {"expand": self.expand or None, "rerank": self.rerank or None, "reverse": self.reverse}
        left_out = [line.strip().removeprefix(ITEM) for line in (self.exclude or "").splitlines() if line.strip()]
        return validated(Narrowing, values | shaped | ranked | {"exclude": left_out})


class SearchPart:
    """The controls, the hits, and what happens between them.

    Parameters
    ----------
    galleries : by their names.
    gallery : holds the name of the one that is searched.
    """

    def __init__(self, galleries: Mapping[str, ServedGallery], gallery: gradio.Dropdown) -> None:
        self._galleries = galleries
        self._gallery = gallery
        self._item = gradio.State(None)
        self._marks = gradio.State(Marks())
        with gradio.Row(elem_id="look-search"):
            with gradio.Column(scale=1, min_width=300, elem_id="look-asking"):
                self._add_controls()
            with gradio.Column(scale=2, min_width=300, elem_id="look-answer"):
                self._add_answer()
        asking = [self._picture, self._region, self._words]
        narrowing = [self._k, self._where, self._cutoff, self._min_score, self._collapse, self._diversity]
        narrowing += [self._sort, self._expand, self._rerank, self._reverse, self._exclude]
        self._listen([gallery, *asking, *narrowing])

    def _add_controls(self) -> None:
        self._picture = gradio.Image(
            label="Picture",
            placeholder="Drop or paste a picture, or choose one",
            type="filepath",
            sources=["upload", "webcam", "clipboard"],
            buttons=[],
            height=300,
            elem_id="look-query",
        )
        self._unreadable = gradio.HTML(visible=False, elem_id="look-unreadable")
        self._region = gradio.Textbox(
            label="Part of the picture",
            info="Drag a box on it; or x,y,width,height in fractions or pixels.",
            max_length=100,
            visible=False,
            elem_id="look-region",
        )
        self._words = gradio.Textbox(label="Words", max_length=2_000, visible=False, elem_id="look-words")
        self._go = gradio.Button("Search", variant="primary", elem_id="look-go")
        with gradio.Accordion("Options", open=False, elem_id="look-options"):
            self._k = gradio.Slider(1, _MOST_SHOWN, value=12, step=1, label="Hits", elem_id="look-k")
            self._where = gradio.Textbox(label="Filter", max_length=2_000, elem_id="look-where")
            self._cutoff = gradio.Radio(_CUTOFFS, value=_CUTOFFS[0][1], label="Leave out", elem_id="look-cutoff")
            self._min_score = gradio.Number(
                label="Minimum score", value=None, step=0.05, visible=False, elem_id="look-min-score"
            )
            self._collapse = gradio.Checkbox(
                label="Fold near-duplicates", info="Into the best of them.", elem_id="look-collapse"
            )
            self._diversity = gradio.Slider(
                0,
                1,
                value=0,
                step=0.05,
                label="Diversity",
                info="How much hits should differ.",
                elem_id="look-diversity",
            )
        with gradio.Accordion("More options", open=False, elem_id="look-more-options"):
            chosen = {"value": "", "filterable": False}
            self._sort = gradio.Dropdown([_BY_LIKENESS], **chosen, label="Order of the hits", elem_id="look-sort")
            self._expand = gradio.Dropdown(_EXPANSIONS, **chosen, label="Rank by", elem_id="look-expand")
            self._rerank = gradio.Dropdown(_RERANKINGS, **chosen, label="Rank the best hits", elem_id="look-rerank")
            self._reverse = gradio.Checkbox(label="The least alike", info="These first.", elem_id="look-reverse")
            self._exclude = gradio.Textbox(
                label="Items to leave out",
                info="Their ids, one a line; Shift+Enter searches.",
                lines=2,
                max_length=10_000,
                elem_id="look-exclude",
            )
        self._examples = gradio.HTML(apply_default_css=False, js_on_load=_CARDS, elem_id="look-examples")

    def _add_answer(self) -> None:
        self._status = gradio.HTML(_NOTHING_YET, js_on_load=_TOLD, elem_id="look-status")
        with gradio.Row(visible=False) as self._bar:
            self._refine = gradio.Button(variant="primary", size="sm", elem_id="look-refine")
            self._forget = gradio.Button("Forget the marks", size="sm", elem_id="look-forget")
        self._hits = gradio.HTML(apply_default_css=False, js_on_load=_CARDS, elem_id="look-result")
        self._reason = gradio.HTML(visible="hidden", js_on_load=_EXPLAINED)

    def _listen(self, form: list[Any]) -> None:
        answer = [self._item, self._marks, self._hits, self._status, self._bar]
        asked = [self._item, self._marks, *form]
        # values are taken as clients send them and checked here: Gradio would open pictures itself
        raw = {"preprocess": False, "api_visibility": "private"}
        searching = {**raw, "show_progress_on": [self._hits], "trigger_mode": "always_last"}
        anew = [self._go.click, self._words.submit, self._region.submit]
        again = [self._k.release, self._where.submit, self._cutoff.input, self._min_score.submit, self._refine.click]
        again += [self._collapse.input, self._diversity.release, self._sort.input, self._expand.input]
        again += [self._rerank.input, self._reverse.input, self._exclude.submit]
        gradio.on(anew, self._search_anew, asked, answer, **searching)
        gradio.on(again, self._search_on, asked, answer, **searching)
        gradio.on([self._examples.click, self._hits.click], self._search_more, form, answer, **searching)
        # what is shown is of the gallery before
        self._gallery.change(_nothing, None, answer, show_progress="hidden", api_visibility="private")
        self._forget.click(self._search_unmarked, asked, answer, **searching)
        self._hits.expand(self._explain, asked, self._reason, show_progress="hidden", **raw)
        marked = [self._marks, self._bar, self._refine]
        # one after the other, so that none reads the marks before another has written them
        marking = {"trigger_mode": "multiple", "concurrency_limit": 1, "show_progress": "hidden"}
        self._hits.like(self._mark, self._marks, marked, **marking, **raw)
        chosen, seen = [self._gallery, self._picture], [self._region, self._unreadable]
        last = {"show_progress": "hidden", "trigger_mode": "always_last"}
        self._picture.change(self._look_at, chosen, seen, **last, **raw)
        self._cutoff.change(_score_of, self._cutoff, self._min_score, show_progress="hidden", **raw)

    def start(self, page: gradio.Blocks, title: gradio.HTML) -> None:
        """Fill in what depends on the gallery, at first and when another one is chosen."""
        about = [title, self._words, self._where, self._sort, self._examples]
        gradio.on([page.load, self._gallery.change], self._about, self._gallery, about, api_visibility="private")

    async def _search_anew(self, item: str | None, _: Marks, *values: Any) -> tuple[Any, ...]:
        form = _Form(*values)
        return await self._answer(form, None if form.title else item, Marks())

    async def _search_on(self, item: str | None, marks: Marks, *values: Any) -> Any:
        form = _Form(*values)
        if item is None and not form.title:
            return gradio.skip()  # an option was changed before anything was asked
        return await self._answer(form, item, marks)

    async def _search_more(self, event: gradio.EventData, *values: Any) -> tuple[Any, ...]:
        return await self._answer(_Form(*values), item_of(event._data), Marks())

    async def _answer(self, form: _Form, item: str | None, marks: Marks) -> tuple[Any, ...]:
        try:
            served = named(self._galleries, form.gallery)
            query = led_by(form.terms() if item is None else (item_term(item),), marks)
            # what was marked stays in sight
            [hits] = await served.search([query], form.narrowing(include_self=bool(marks)))
            told = _status(hits, form.title if item is None else item, marks)
            return item, marks, hits_html(hits, served.name, marks), told, _bar(marks)
        except Exception as error:  # noqa: BLE001  (it is told where the hits are, which are dimmed: they answer another query)
            return item, marks, gradio.skip(), trouble_html(error), _bar(marks)

    async def _search_unmarked(self, item: str | None, _: Marks, *values: Any) -> tuple[Any, ...]:
        return await self._answer(_Form(*values), item, Marks())

    def _mark(self, event: gradio.EventData, marks: Marks) -> tuple[Any, ...]:
        with shown_trouble():
            mark = event._data.get("mark")
            if mark not in ("good", "bad"):
                msg = f"a hit is marked good or bad, and not {mark!r}"
                raise InputError(msg)
            marks = marks.toggled(item_of(event._data), mark)
            return marks, _bar(marks), gradio.Button(f"Refine by {_counts(marks)}")

    async def _look_at(self, gallery: str, picture: dict[str, Any] | None) -> tuple[Any, ...]:
        """Tell at once of a picture that cannot be searched by."""
        trouble = ""
        if picture is not None:
            try:
                path = Path(picture["path"])
                await named(self._galleries, gallery).do(
                    lambda found: as_pixels(path.read_bytes(), limits=found.limits)
                )
            except ImageDecodeError as error:
                trouble = trouble_html(InputError(f"this file cannot be searched with: {error.reason}"))
            except Exception as error:  # noqa: BLE001  (it is told beside the picture)
                trouble = trouble_html(error)
        region = gradio.Textbox(value="", visible=picture is not None and not trouble)
        return region, gradio.HTML(trouble, visible=bool(trouble))

    async def _explain(self, event: gradio.EventData, item: str | None, marks: Marks, *values: Any) -> str:
        form = _Form(*values)
        try:
            query = Query(form.terms() if item is None else (item_term(item),))
            item, box = item_of(event._data), box_of(event._data)
            served = named(self._galleries, form.gallery)
            found = await served.do(lambda _: served.insights.explanation(query, item, box))
            shown = explanation_html(found, is_led=bool(marks))
        except Exception as error:  # noqa: BLE001  (it is told within the dialog, which is above all messages)
            shown = trouble_html(error)
        return f'<div data-at="{time.monotonic_ns()}">{shown}</div>'  # never what is shown already, which is no change

    async def _about(self, gallery: str) -> tuple[Any, ...]:
        with shown_trouble():
            served = named(self._galleries, gallery)
            return await served.do(partial(_about, name=served.name))


def _nothing() -> tuple[Any, ...]:
    return None, Marks(), "", _NOTHING_YET, _bar(Marks())


def _bar(marks: Marks) -> gradio.Row:
    return gradio.Row(visible=bool(marks))


def _counts(marks: Marks) -> str:
    return f"{len(marks.good)} good and {len(marks.bad)} bad"


def _score_of(cutoff: str) -> gradio.Number:
    return gradio.Number(visible=cutoff == _BELOW)


def _status(hits: Hits, asked: str, marks: Marks) -> str:
    led = f", led by {_counts(marks)}" if marks else ""
    method = "exact" if hits.is_exact else f"recall {hits.method.recall:.3f}"
    counted = "1 hit" if len(hits) == 1 else f"{len(hits)} hits"
    took = f"in {1_000 * hits.seconds:,.0f} ms ({method})"
    return f'<p role="status">{counted} for <b>{text(asked)}</b>{led}, {took}</p>'


def _about(gallery: Gallery, *, name: str) -> tuple[Any, ...]:
    """Return the title, and the controls and examples that suit a gallery."""
    total = len(gallery)
    title = f"<h1>lookalike</h1><p>{text(name)}, {total:,} images</p>"
    if total == 0:
        return title, gradio.Textbox(visible=False), gradio.Textbox(info=""), gradio.Dropdown([_BY_LIKENESS]), ""
    store = gallery.store
    words = gradio.Textbox(visible="text" in gallery.spec.modalities)
    where = gradio.Textbox(info=f"A condition over {', '.join(['id', *store.attributes])}.")
    orders = [order for name in store.attributes for order in ((name, name), (f"{name}, descending", f"-{name}"))]
    sample = sample_rows(store, _EXAMPLES, column=label_column(store, None))
    items = as_hits(store.take_in_order(sample.row_ids, item_columns(store)), store)
    sort = gradio.Dropdown([_BY_LIKENESS, *orders], value="")
    return title, words, where, sort, examples_html(items, name)
