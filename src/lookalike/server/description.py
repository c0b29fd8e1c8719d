"""The description of the service that ``/openapi.json`` holds (https://spec.openapis.org/oas/v3.1.0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from lookalike.server.examples import ANSWERS, FORMS, MODELS
from lookalike.server.guard import NAMED
from lookalike.server.schemas import (
    AddRequest,
    DuplicatesRequest,
    EvaluateRequest,
    ExplainRequest,
    RemoveRequest,
    SearchRequest,
    TuneRequest,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI


_BODIES = (
    SearchRequest,
    AddRequest,
    RemoveRequest,
    DuplicatesRequest,
    EvaluateRequest,
    ExplainRequest,
    TuneRequest,
)


def describe(app: FastAPI, *, has_key: bool) -> None:
    """Add to the description what the framework cannot see: bodies that are JSON or a form, examples, the key."""
    document = app.openapi()
    models: Any = [(model, "validation") for model in _BODIES]
    _, found = models_json_schema(models, ref_template="#/components/schemas/{model}")
    known = document["components"]["schemas"]
    known.update(found["$defs"])
    for name, examples in MODELS.items():
        known[name]["examples"] = examples
    for path, operations in document["paths"].items():
        _add_examples(path.removeprefix(NAMED), operations)
    if has_key:
        document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"key": []}]


def _add_examples(path: str, operations: Mapping[str, Any]) -> None:
    for operation in operations.values():
        if path in ANSWERS:
            for content in operation["responses"]["200"]["content"].values():
                content["example"] = ANSWERS[path]
        form = operation.get("requestBody", {}).get("content", {}).get("multipart/form-data")
        if form is not None:
            form["example"] = FORMS[path]
