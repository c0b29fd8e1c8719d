"""The part of the page that reviews duplicates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gradio

from lookalike.api.duplicates import MOVED
from lookalike.api.hits import size_of
from lookalike.api.tidying import Going, move_away
from lookalike.errors import InputError
from lookalike.exports.captions import score_text, short_name
from lookalike.server.page.asking import item_of
from lookalike.server.page.cards import card, exactly, text
from lookalike.server.page.overview import PROGRESS, named, told_on
from lookalike.server.page.trouble import shown_trouble

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from lookalike.api.duplicates import Duplicate, DuplicateGroup
    from lookalike.search.hit import Hit
    from lookalike.server.served import ServedGallery

_MOST_SHOWN = 50
_ABOUT = "Pictures that are there more than once: the same bytes, the same picture encoded anew, and similar ones."
_READ_ONLY = "This server is read-only; start it with --writable to tidy up here."
_REVIEW = "lookalike.review(element, trigger)"
"""Of page.js."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What is reviewed: groups, and the name of their gallery, which is another one soon if the user chooses so."""

    gallery: str = ""
    groups: Sequence[DuplicateGroup] = ()


class ReviewPart:
    """Groups of duplicates, of which each item is kept or goes to the trash.

    Parameters
    ----------
    galleries : by their names.
    gallery : holds the name of the one that is reviewed.
    """

    def __init__(self, galleries: Mapping[str, ServedGallery], gallery: gradio.Dropdown) -> None:
        self._galleries = galleries
        found = gradio.State(_Found())
        with gradio.Row():
            find = gradio.Button("Find duplicates", variant="primary", elem_id="look-find")
            is_visible = any(served.is_writable for served in galleries.values())
            undo = gradio.Button("Undo the last move", visible=is_visible, elem_id="look-undo")
        status = gradio.HTML(f"<p>{_ABOUT}</p>", elem_id="look-found")
        groups = gradio.HTML(apply_default_css=False, js_on_load=_REVIEW, elem_id="look-groups")
        answer = [found, status, groups]
        private = {"api_visibility": "private", "concurrency_id": "whole", "concurrency_limit": 1}
        find.click(self._find, gallery, answer, show_progress_on=[status], **private)
        undo.click(self._undo, gallery, answer, **private)
        groups.click(self._move, found, answer, **private)
        groups.like(self._keep_apart, found, [found, status], trigger_mode="multiple", **private)

    def _find(self, name: str, progress: gradio.Progress = PROGRESS) -> tuple[Any, ...]:
        with shown_trouble():
            served = named(self._galleries, name)
            duplicates = served.insights.duplicates(progress=told_on(progress))
            said = f"Of {duplicates.total:,} images: {duplicates.told_counts}."
            return _answer(served, duplicates.groups, said)

    async def _move(self, event: gradio.EventData, found: _Found) -> tuple[Any, ...]:
        with shown_trouble():
            served = named(self._galleries, found.gallery)
            ids = event._data.get("ids")
            going = _chosen(found.groups, set(ids) if isinstance(ids, list) else set())
            moved = await served.change(lambda gallery: move_away(gallery.store, going, None))
            gone = {move.id for move in moved.moves}
            stayed = (
                f" {len(moved.failed):,} stayed: they, or what stays, are no files of their own or have changed."
                * bool(moved.failed)
            )
            left = [rest for group in found.groups for rest in [_without(group, gone)] if rest.items]
            return _answer(served, left, f"{_images(len(gone))} moved to the trash.{stayed}")

    async def _undo(self, name: str) -> tuple[Any, ...]:
        with shown_trouble():
            served = named(self._galleries, name)
            moved = await served.change(lambda gallery: gallery.undo())
            return _answer(served, [], f"{_images(len(moved.moves))} brought back. Find duplicates to see them again.")

    async def _keep_apart(self, event: gradio.EventData, found: _Found) -> tuple[Any, ...]:
        with shown_trouble():
            keep = item_of(event._data)
            ids = [hit.id for group in found.groups if group.keep.id == keep for hit in _members(group)]
            await named(self._galleries, found.gallery).change(lambda gallery: gallery.not_duplicates(*ids))
            rest = [group for group in found.groups if group.keep.id != keep]
            return replace(
                found, groups=rest
            ), f"<p>{_images(len(ids))} noted as no duplicates of each other, for good.</p>"


def _answer(served: ServedGallery, groups: Sequence[DuplicateGroup], said: str) -> tuple[Any, ...]:
    more = f" The first {_MOST_SHOWN} of {len(groups):,} groups are shown." if len(groups) > _MOST_SHOWN else ""
    read_only = f" {_READ_ONLY}" if groups and not served.is_writable else ""
    return _Found(served.name, groups), f"<p>{said}{more}{read_only}</p>", groups_html(groups[:_MOST_SHOWN], served)


def groups_html(groups: Sequence[DuplicateGroup], served: ServedGallery) -> str:
    """Return groups as lists of cards, with what can be done to them if the gallery can be changed."""
    if not groups:
        return ""
    sections = "".join(_section(group, served) for group in groups)
    # page.js counts what is marked
    move = '<button type="button" class="look-move" data-do="move"></button>' if served.is_writable else ""
    return f"{move}{sections}"


def _section(group: DuplicateGroup, served: ServedGallery) -> str:
    name = text(short_name(group.keep.id))
    apart = f'<button type="button" data-do="apart" data-id="{exactly(group.keep.id)}">Not duplicates</button>'
    cards = "".join(
        [_card(served, group.keep, None), *(_card(served, duplicate.item, duplicate) for duplicate in group.items)]
    )
    return (
        f'<section class="look-group" aria-label="{name}"><header><h2>{name}</h2>'
        f'{apart if served.is_writable else ""}</header><ol class="look-hits">{cards}</ol></section>'
    )


def _card(served: ServedGallery, hit: Hit, duplicate: Duplicate | None) -> str:
    goes = duplicate is not None and duplicate.kind in MOVED
    pressed = f'aria-pressed="{str(goes).lower()}"'
    tools = f'<button type="button" data-do="trash" data-id="{exactly(hit.id)}" {pressed}>Trash</button>'
    kind = "keep" if duplicate is None else duplicate.kind.value
    return card(
        hit,
        served.name,
        value="" if duplicate is None else score_text(duplicate.score),
        below=f"<span>{text(size_of(hit))}</span><span>{kind}</span>",
        tools=tools if served.is_writable else "",
    )


def _chosen(groups: Sequence[DuplicateGroup], ids: Collection[str]) -> list[Going]:
    """Return the items that go, of the groups that are shown.

    Raises
    ------
    InputError : if nothing goes, or all of a group would.
    """
    going = []
    for group in groups[:_MOST_SHOWN]:
        members = _members(group)
        chosen = [hit for hit in members if hit.id in ids]
        if len(chosen) == len(members):
            msg = f"all of the group of {group.keep.id!r} would go to the trash; keep one"
            raise InputError(msg)
        stays = [hit for hit in members if hit.id not in ids]
        going += [Going(hit, stays) for hit in chosen]
    if not going:
        msg = "nothing is marked for the trash; mark what should go"
        raise InputError(msg)
    return going


def _members(group: DuplicateGroup) -> list[Hit]:
    return [group.keep, *(duplicate.item for duplicate in group.items)]


def _without(group: DuplicateGroup, gone: Collection[str]) -> DuplicateGroup:
    """Return what is left of a group: nothing to compare with if the kept one is gone."""
    if group.keep.id in gone:
        return replace(group, items=())
    return replace(group, items=[duplicate for duplicate in group.items if duplicate.item.id not in gone])


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"
