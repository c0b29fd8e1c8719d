"""The page: its parts, and which gallery they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio
from gradio.utils import get_upload_folder, is_in_or_equal
from gradio_client.utils import is_file_obj, is_http_url_like, traverse

from lookalike.errors import InputError
from lookalike.server.page.overview import add_evaluation, add_map
from lookalike.server.page.review import ReviewPart
from lookalike.server.page.search import SearchPart
from lookalike.server.page.trouble import shown_trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lookalike.server.served import ServedGallery

_KEPT_SECONDS = 3_600
"""Uploads are removed an hour later."""
_STILL_TO_SEARCH = 4
"""Events of one kind that are answered at once; others wait."""


class _Page(gradio.Blocks):  # type: ignore[misc]  # Gradio is followed by no type checker here
    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *others: Any) -> list[Any]:
        """Take files only as uploads: Gradio would read any path, and fetch any URL, that a client names."""
        with shown_trouble():
            traverse(inputs, _check_upload, is_file_obj)
        taken: list[Any] = await super().preprocess_data(block_fn, inputs, *others)
        return taken


def build_page(galleries: Mapping[str, ServedGallery]) -> gradio.Blocks:
    """Return the page for some galleries.

    Parameters
    ----------
    galleries : by their names, the default first.
    """
    names = list(galleries)
    with _Page(title="lookalike", analytics_enabled=False, delete_cache=(_KEPT_SECONDS, _KEPT_SECONDS)) as page:
        with gradio.Row(elem_id="look-head"):
            title = gradio.HTML("<h1>lookalike</h1>", apply_default_css=False)
            gallery = gradio.Dropdown(
                names, value=names[0], label="Gallery", visible=len(names) > 1, min_width=160, elem_id="look-gallery"
            )
        with gradio.Tab("Search"):
            search = SearchPart(galleries, gallery)
        with gradio.Tab("Map"):
            add_map(galleries, gallery)
        with gradio.Tab("Evaluation"):
            add_evaluation(galleries, gallery)
        with gradio.Tab("Duplicates"):
            ReviewPart(galleries, gallery)
        search.start(page, title)
    page.queue(default_concurrency_limit=_STILL_TO_SEARCH, api_open=False)
    return page


def _check_upload(file: dict[str, Any]) -> None:
    path = file.get("path") or ""
    if is_http_url_like(path) or not is_in_or_equal(path, get_upload_folder()):
        msg = "a picture has to be uploaded here, and not named by a path or an address"
        raise InputError(msg)
