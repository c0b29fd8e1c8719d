"""The routes of one gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse, Response

from lookalike.errors import SourceError
from lookalike.server.problems import RefusedError
from lookalike.server.requests import add_request, body_of, search_request
from lookalike.server.schemas import About, Added, AddRequest, Answer, Item, Problem, Removed, SearchRequest
from lookalike.server.served import ServedGallery, addresses, unknown
from lookalike.server.uploads import Upload

if TYPE_CHECKING:
    from collections.abc import Callable

_ID = Path(description="The id of an item, percent-encoded.", examples=["photos/cat.jpg"])
_FILE = {"type": "string", "format": "binary"}
_FORM_OF_SEARCH = {
    "image": _FILE,
    "images": {"type": "array", "items": _FILE},
    "k": {"type": "integer"},
    "where": {"type": "string"},
    "min_score": {"type": "number"},
    "metric": {"type": "string"},
    "include_self": {"type": "boolean"},
}
_FORM_OF_ITEMS = {
    "image": {"type": "array", "items": _FILE},
    "id": {"type": "string"},
    "attributes": {"type": "string", "description": "A JSON object."},
}
_WEEK = 7 * 24 * 3600
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 401, 403, 404, 405, 408, 413, 415, 421, 422, 503)
}


def gallery_routes(chosen: Callable[..., ServedGallery], prefix: str) -> APIRouter:
    """Return the routes below a prefix.

    Parameters
    ----------
    chosen : a dependency: returns the gallery that a request means.
    prefix : may have the parameter ``gallery``.
    """
    router = APIRouter(prefix=prefix, responses=PROBLEMS)
    Chosen = Annotated[ServedGallery, Depends(chosen)]  # noqa: N806  (a type)

    @router.post("/search", response_model=Answer | list[Answer], openapi_extra=body_of(SearchRequest, _FORM_OF_SEARCH))
    async def search(gallery: Chosen, request: Request) -> Response:
        """Find the items that are most alike to a query, or to each of several."""
        asked = await search_request(request)
        queries = asked.queries or [asked.query]
        answers = [gallery.told(hits, _base(request)) for hits in await gallery.search(queries, asked)]
        return JSONResponse(answers if asked.queries else answers[0])
    return router
