"""Examples for the description of the service: of every request and every answer, by the names of their models."""

from __future__ import annotations

from typing import Any

_SQUARE = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFUlEQVR42mM8UaHBgA0wMeAAg1MCAB4nAXgllso1AAAAAElFTkSuQmCC"
"""A PNG file of 8 by 8 pixels."""
_CAT = {"uri": "/items/photos%2Fcat.jpg", "thumbnail": "/thumbnails/photos%2Fcat.jpg"}
_ANSWER = {
    "gallery": "photos",
    "query": "id:photos/dog.jpg",
    "exact": True,
    "index": "exact",
    "recall": 1.0,
    "seconds": 0.0021,
    "hits": [
        {
            "rank": 1,
            "id": "photos/cat.jpg",
            **_CAT,
            "score": 0.8731,
            "strength": "strong",
            "attributes": {"folder": "photos", "width": 640, "height": 480},
        }
    ],
}
MODELS: dict[str, list[Any]] = {
    "SearchRequest": [
        {"query": {"id": "photos/cat.jpg"}, "k": 5},
        {"query": {"image": _SQUARE, "crop": [0, 0, 0.5, 1]}, "k": 3},
        {"query": {"terms": [{"id": "beach.jpg"}, {"id": "people.jpg", "weight": -0.5}]}},
        {"queries": [{"id": "a.jpg"}, {"id": "b.jpg"}], "where": "folder = 'cats'"},
    ],
    "AddRequest": [{"items": [{"image": _SQUARE, "id": "square", "attributes": {"label": "plain", "price": 3.5}}]}],
    "DuplicatesRequest": [{"threshold": "auto", "keep": "best", "most": 100}, {}],
    "ExplainRequest": [{"query": {"id": "a.jpg"}, "id": "b.jpg"}],
    "Answer": [_ANSWER],
    "Item": [
        {
            "id": "photos/cat.jpg",
            **_CAT,
            "bytes": 48213,
            "attributes": {"folder": "photos", "width": 640, "height": 480},
        }
    ],
    "FoundDuplicates": [
        {
            "gallery": "photos",
            "groups": [
                {
                    "keep": "photos/cat.jpg",
                    **_CAT,
                    "items": [
                        {
                            "id": "copies/cat.jpg",
                            "uri": "/items/copies%2Fcat.jpg",
                            "thumbnail": "/thumbnails/copies%2Fcat.jpg",
                            "kind": "exact",
                            "score": 1.0,
                            "of": "photos/cat.jpg",
                        }
                    ],
                }
            ],
            "found": 1,
            "unreadable": 0,
            "threshold": 0.9412,
            "total": 1280,
            "seconds": 0.8127,
        }
    ],
    "Added": [
        {
            "gallery": "photos",
            "added": 1,
            "updated": 0,
            "unchanged": 0,
            "items": ["upload:square"],
            "failed": [],
            "total": 1281,
        }
    ],
    "Removed": [{"gallery": "photos", "removed": 1, "total": 1280}],
    "About": [
        {
            "gallery": "photos",
            "total": 1280,
            "encoder": {"name": "embedded", "dim": 1280},
            "attributes": {"folder": "string", "width": "int64", "height": "int64", "taken": "timestamp[s]"},
            "index": {"plan": "auto", "index": "exact", "recall": 1.0},
            "version": 3,
            "writable": False,
        }
    ],
    "Problem": [
        {"error": {"type": "UnknownItemError", "message": "the gallery has no item with the id 'photos/cat.jpg'"}}
    ],
}
ANSWERS: dict[str, Any] = {
    "/galleries": ["photos", "art"],
    "/health": {"status": "ok"},
    "/health/ready": {"status": "ok"},
    "/metrics": 'lookalike_requests_total{method="POST",route="/search",status="200"} 12.0\n',
}
"""Of routes whose answers have no model."""
FORMS: dict[str, dict[str, Any]] = {
    "/search": {"k": 5, "where": "folder = 'cats'", "exclude": ["photos/cat.jpg"]},
    "/items": {"id": "square", "attributes": '{"label": "plain"}'},
}
"""Fields beside the files."""
