"""The description of the service that ``/openapi.json`` holds (https://spec.openapis.org/oas/v3.1.0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from lookalike.server.schemas import AddRequest, DuplicatesRequest, ExplainRequest, SearchRequest

if TYPE_CHECKING:
    from fastapi import FastAPI


def describe(app: FastAPI, *, has_key: bool) -> None:
    """Add to the description what the framework cannot see: the bodies that are JSON or a form, and the key."""
    document = app.openapi()
    models: Any = [(model, "validation") for model in (SearchRequest, AddRequest, DuplicatesRequest, ExplainRequest)]
    _, found = models_json_schema(models, ref_template="#/components/schemas/{model}")
    document["components"]["schemas"].update(found["$defs"])
    if has_key:
        document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"key": []}]
