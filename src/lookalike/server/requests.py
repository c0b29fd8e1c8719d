"""Bodies to requests: JSON, or a form with files."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from starlette.datastructures import UploadFile

from lookalike.errors import InputError
from lookalike.server.problems import RefusedError
from lookalike.server.schemas import MOST_QUERIES, AddRequest, SearchRequest, Strict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

_JSON, _FORM = "application/json", "multipart/form-data"
_FIELD_BYTES = 1 << 16
_MOST_FIELDS = 1_032
"""Items to leave out, and what else there is."""
_AT_ONCE = 1 << 14
"""Bytes of a body that take less time to read than to hand to a thread."""
R = TypeVar("R", bound=Strict)


async def search_request(request: Request) -> SearchRequest:
    """Return what is searched for.

    Raises
    ------
    InputError : if the body does not say it.
    RefusedError : if it is of another type.
    """
    if _kind(request) == _JSON:
        return await _from_json(SearchRequest, request)
    fields, files = await _from_form(request, {"image", "images"}, {"exclude"})
    if "image" in files and len(files["image"]) == 1 and "images" not in files:
        return validated(SearchRequest, {"query": {"image": files["image"][0]}, **fields})
    if "images" in files and "image" not in files:
        return validated(SearchRequest, {"queries": [{"image": data} for data in files["images"]], **fields})
    msg = "a search by a form has one file, image, or several, images"
    raise InputError(msg)


async def add_request(request: Request) -> AddRequest:
    """Return what is to be added; raises as :func:`search_request` does."""
    if _kind(request) == _JSON:
        return await _from_json(AddRequest, request)
    fields, files = await _from_form(request, {"image"}, set())
    images = files.get("image", [])
    unknown = sorted(fields.keys() - {"id", "attributes"})
    if unknown or not images or ("id" in fields and len(images) > 1):
        msg = "a form to add has files, image; attributes, a JSON object; and id, if the file is one"
        raise InputError(msg)
    try:
        common = {"attributes": json.loads(str(fields.pop("attributes", "{}")))}
    except (ValueError, RecursionError) as error:
        msg = 'attributes must be a JSON object, such as {"label": "cat"}'
        raise InputError(msg) from error
    return validated(AddRequest, {"items": [{**fields, **common, "image": data} for data in images]})


async def json_request(model: type[R], request: Request) -> R:
    """Return a request that can only be JSON; raises as :func:`search_request` does."""
    if _kind(request) != _JSON:
        raise RefusedError(415, "MediaTypeError", f"send {_JSON}")
    return await _from_json(model, request)


def form_of(model: type[Strict], files: Mapping[str, Any]) -> dict[str, Any]:
    """Return what OpenAPI says of the fields of a form: some files, and what a model has, which cannot be null."""
    fields = model.model_json_schema()["properties"]
    return {**files, **{name: _without_null(field) for name, field in fields.items()}}


def _without_null(field: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in field.items() if name not in ("anyOf", "default")}
    kinds = [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]
    if field.get("default") is not None:
        said["default"] = field["default"]
    return {**said, **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})}


def body_of(model: type[Strict], form: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what OpenAPI says of a body that is JSON of a model, or a form of these fields if there are any."""
    content: dict[str, Any] = {_JSON: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
    if form is not None:
        fields = {"type": "object", "properties": dict(form), "additionalProperties": False}
        content[_FORM] = {"schema": fields}
    return {"requestBody": {"required": True, "content": content}}


def _kind(request: Request) -> str:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (_JSON, _FORM):
        raise RefusedError(415, "MediaTypeError", f"send {_JSON} or {_FORM}")
    return kind


async def _from_json(model: type[R], request: Request) -> R:
    body = await request.body()
    if len(body) <= _AT_ONCE:
        return validated(model, body)
    # of a large body this takes a while; it does not go deeper than some hundred levels
    return await asyncio.get_running_loop().run_in_executor(None, partial(validated, model, body))


async def _from_form(
    request: Request, of_files: set[str], of_lists: set[str]
) -> tuple[dict[str, str | list[str]], dict[str, list[bytes]]]:
    """Return the fields and the files of a form; the file names that a client gives are not looked at.

    Parameters
    ----------
    request : has the form.
    of_files : the names of files, which may be repeated.
    of_lists : the names of fields that may be repeated.
    """
    fields: dict[str, str | list[str]] = {}
    files: dict[str, list[bytes]] = {}
    async with request.form(max_files=MOST_QUERIES, max_fields=_MOST_FIELDS, max_part_size=_FIELD_BYTES) as form:
        for name, value in form.multi_items():
            is_second = name in fields and name not in of_lists
            if isinstance(value, UploadFile) == (name not in of_files) or is_second:
                msg = f"the form has {name!r} as a {'file' if isinstance(value, UploadFile) else 'field'} too many"
                raise InputError(msg)
            if isinstance(value, UploadFile):
                files.setdefault(name, []).append(await value.read())
            elif name in of_lists:
                fields[name] = [*fields.get(name, []), value]
            else:
                fields[name] = value
    return fields, files


def validated(model: type[R], values: bytes | Mapping[str, Any]) -> R:
    """Return what a client sent, if it is what the model says.

    Raises
    ------
    InputError : if it is not.
    """
    try:
        return model.model_validate_json(values) if isinstance(values, bytes) else model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        problem = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{place}: {problem}" if place else problem) from error
