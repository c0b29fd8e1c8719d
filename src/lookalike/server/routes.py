"""The routes of one gallery."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from lookalike.errors import ImageDecodeError
from lookalike.server.answers import (
    About,
    Added,
    Answer,
    Evaluated,
    FoundDuplicates,
    Item,
    OptimizedIndex,
    Problem,
    Removed,
    RemovedItems,
    TunedIndex,
)
from lookalike.server.insights import told_duplicates, told_evaluation
from lookalike.server.problems import RefusedError, gone, unknown
from lookalike.server.requests import add_request, body_of, form_of, json_request, search_request
from lookalike.server.schemas import (
    MOST_ON_MAP,
    AddRequest,
    DuplicatesRequest,
    EvaluateRequest,
    ExplainRequest,
    Narrowing,
    RemoveRequest,
    SearchRequest,
    TuneRequest,
)
from lookalike.server.served import ServedGallery, addresses
from lookalike.server.uploads import Upload
from lookalike.server.writing import Leaving

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE = {"type": "string", "format": "binary"}
_FORM_OF_SEARCH = form_of(Narrowing, {"image": _FILE, "images": {"type": "array", "items": _FILE}})
_FORM_OF_ITEMS = {
    "image": {"type": "array", "items": _FILE},
    "id": {"type": "string"},
    "attributes": {"type": "string", "description": "A JSON object."},
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 401, 403, 404, 405, 408, 413, 415, 421, 422, 503)
}


router = APIRouter(responses=PROBLEMS)


async def chosen(request: Request) -> ServedGallery:
    """Return the gallery that a request means: the one it names, or the default.

    Raises
    ------
    RefusedError : if there is none of that name.
    """
    galleries: Mapping[str, ServedGallery] = request.app.state.galleries
    name = request.path_params.get("gallery")
    if name is None:
        return next(iter(galleries.values()))
    if name not in galleries:
        raise RefusedError(404, "UnknownGalleryError", "the server has no gallery of that name; see /galleries")
    return galleries[name]


Chosen = Annotated[ServedGallery, Depends(chosen)]
Id = Annotated[str, Path(description="The id of an item, percent-encoded.", examples=["photos/cat.jpg"])]


@router.post(
    "/search",
    response_model=Answer | list[Answer],
    response_model_exclude_unset=True,
    openapi_extra=body_of(SearchRequest, _FORM_OF_SEARCH),
)
async def search(gallery: Chosen, request: Request) -> Response:
    """Find the items that are most alike to a query, or to each of several."""
    asked = await search_request(request)
    answers = [gallery.told(hits, _base(request)) for hits in await gallery.search(asked.asked(), asked)]
    return JSONResponse(answers[0] if asked.query else answers)


@router.post("/duplicates", response_model=FoundDuplicates, openapi_extra=body_of(DuplicatesRequest))
async def duplicates(gallery: Chosen, request: Request) -> Response:
    """Find what is in the gallery more than once; nothing is moved. The first time, this reads every picture."""
    asked = await json_request(DuplicatesRequest, request)
    found = await gallery.duplicates(asked)
    told = told_duplicates(found, asked.most, lambda item: addresses(item, _base(request)))
    return JSONResponse({"gallery": gallery.name, **told})


@router.post(
    "/explain",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
    openapi_extra=body_of(ExplainRequest),
)
async def explain(gallery: Chosen, request: Request) -> Response:
    """Show which parts of a query and of a hit make them alike: both under heat maps, as a PNG picture."""
    return Response(await gallery.explanation(await json_request(ExplainRequest, request)), media_type="image/png")


@router.post(
    "/evaluate", response_model=Evaluated, response_model_exclude_unset=True, openapi_extra=body_of(EvaluateRequest)
)
async def evaluate(gallery: Chosen, request: Request) -> Response:
    """Judge how far up the gallery ranks what is relevant to its own items, or to changed copies of them."""
    found = await gallery.evaluation(await json_request(EvaluateRequest, request))
    return JSONResponse(told_evaluation(found, lambda item: addresses(item, _base(request))["uri"]))


@router.post(
    "/tune",
    response_model=TunedIndex,
    responses={501: {"model": Problem}},
    openapi_extra=body_of(TuneRequest),
)
async def tune(gallery: Chosen, request: Request) -> Response:
    """Find the fastest index that reaches a recall, and search with it from now on; this may take minutes."""
    found = await gallery.tune(await json_request(TuneRequest, request))
    return JSONResponse({"gallery": gallery.name, **found})


@router.post("/optimize", response_model=OptimizedIndex)
async def optimize(gallery: Chosen) -> Response:
    """Merge the gallery's files, and bring its snapshot and index up to date; searches go on meanwhile."""
    return JSONResponse({"gallery": gallery.name, **await gallery.optimize()})


@router.get("/map", response_class=HTMLResponse)
async def draw_map(
    gallery: Chosen,
    label_from: Annotated[
        str | None, Query(max_length=64, description="What groups the pictures: parent, or an attribute.")
    ] = None,
    most: Annotated[int, Query(ge=1, le=MOST_ON_MAP, description="Of more pictures, a sample.")] = MOST_ON_MAP,
    seed: Annotated[int, Query(ge=0, lt=1 << 32, description="The same one makes the same map.")] = 0,
) -> Response:
    """Draw the gallery as a page on which like pictures lie together; it needs no other file."""
    page = await gallery.map_page(label_from=label_from, most=most, seed=seed)
    # browsers may refuse to show a page that is sandboxed and parted from who opened it
    return HTMLResponse(page, headers={"Cross-Origin-Opener-Policy": "unsafe-none"})


@router.get("/items/{id:path}", response_model=Item)
async def item(gallery: Chosen, id: Id, request: Request) -> Response:  # noqa: A002  (its name in the address)
    """Tell what is known of an item."""
    found = await gallery.item(id)
    if found is None:
        raise unknown(id)
    return JSONResponse({**found, **addresses(id, _base(request))})


@router.post("/items", response_model=Added, openapi_extra=body_of(AddRequest, _FORM_OF_ITEMS))
async def add(gallery: Chosen, request: Request) -> Response:
    """Add pictures, or replace those of the same ids; they are found from the answer on.

    What cannot be read is among ``failed``, and the others are added.
    """
    asked = await add_request(request)
    outcomes = await gallery.add([Upload(new.image, new.id, new.attributes) for new in asked.items])
    counts = Counter(outcome.change for outcome in outcomes)
    told = {
        "gallery": gallery.name,
        **{change: counts[change] for change in ("added", "updated", "unchanged")},
        "items": [None if outcome.change == "failed" else outcome.id for outcome in outcomes],
        "failed": [{"id": outcome.id, "reason": outcome.reason} for outcome in outcomes if outcome.reason],
        "total": await gallery.total(),
    }
    return JSONResponse(told)


@router.delete("/items/{id:path}", response_model=Removed)
async def remove(gallery: Chosen, id: Id) -> Response:  # noqa: A002
    """Remove an item. The file of one that was indexed from a folder stays, and the next `lookalike index` finds it."""
    removal = await gallery.remove(Leaving([id]))
    return JSONResponse({"gallery": gallery.name, "removed": removal.removed, "total": removal.total})


@router.post("/remove", response_model=RemovedItems, openapi_extra=body_of(RemoveRequest))
async def remove_several(gallery: Chosen, request: Request) -> Response:
    """Remove the items of some ids or those that fit a condition, or none if one of the ids is no item."""
    asked = await json_request(RemoveRequest, request)
    removal = await gallery.remove(Leaving(asked.ids, asked.where, asked.dry_run))
    told = {"ids": removal.ids, "removed": removal.removed, "total": removal.total}
    return JSONResponse({"gallery": gallery.name, **told})


@router.get("/thumbnails/{id:path}", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
async def thumbnail(gallery: Chosen, id: Id, request: Request) -> Response:  # noqa: A002
    """Return a JPEG whose longer side has 256 pixels, or fewer."""
    try:
        made = await gallery.thumbnail(id)
    except ImageDecodeError as error:  # it is above the limits, or was replaced
        raise gone() from error
    if made is None:
        raise unknown(id)
    headers = {"ETag": f'"{made.digest}"', "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(made.jpeg, media_type="image/jpeg", headers=headers)


@router.get("/pictures/{id:path}", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
async def picture(gallery: Chosen, id: Id) -> Response:  # noqa: A002
    """Return the picture of an item in its full size, upright, as a JPEG without metadata."""
    try:
        made = await gallery.picture(id)
    except ImageDecodeError as error:
        raise gone() from error
    if made is None:
        raise unknown(id)
    return Response(made, media_type="image/jpeg")


@router.get("/info", response_model=About)
async def info(gallery: Chosen) -> Response:
    """Tell what the gallery holds."""
    return JSONResponse(await gallery.about())


def _base(request: Request) -> str:
    """Return what the addresses of this gallery's items begin with."""
    name = request.path_params.get("gallery")
    return "" if name is None else f"/galleries/{quote(name, safe='')}"
