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
_SCORES = {
    "queries": 200,
    "precision": {"1": 0.91, "5": 0.88},
    "recall": {"1": 0.0014, "5": 0.0069},
    "map": 0.71,
    "mrr": 0.94,
    "ndcg": {"1": 0.91, "5": 0.89},
    "intervals": {
        "precision": {"1": [0.87, 0.95], "5": [0.85, 0.91]},
        "recall": {"1": [0.0013, 0.0015], "5": [0.0066, 0.0072]},
        "map": [0.68, 0.74],
        "mrr": [0.91, 0.97],
        "ndcg": {"1": [0.87, 0.95], "5": [0.86, 0.92]},
    },
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
    "RemoveRequest": [{"ids": ["photos/cat.jpg"]}, {"where": "folder = 'cats'", "dry_run": True}],
    "EvaluateRequest": [{"label_from": "parent", "k": [1, 5], "sample": 200}, {}],
    "TuneRequest": [{"recall": 0.95, "index": ["ivfpq", "hnsw"]}, {}],
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
    "RemovedItems": [{"gallery": "photos", "ids": ["photos/cat.jpg"], "removed": 1, "total": 1280}],
    "Evaluated": [
        {
            "gallery": "photos",
            "encoder": "embedded",
            "judged_by": "labels",
            "label_column": "folder",
            "gallery_size": 1280,
            "chance": 0.5,
            **_SCORES,
            "per_label": {"cats": {"gallery_size": 640, **_SCORES}},
            "confusion": {"cats": {"cats": 182, "dogs": 18}},
            "worst": [
                {
                    "id": "photos/cat.jpg",
                    "group": "cats",
                    "average_precision": 0.31,
                    "hits": [{"rank": 1, "id": "photos/dog.jpg", "score": 0.8731, "relevant": False, "label": "dogs"}],
                }
            ],
            "left_out": {"unlabelled": 0, "unmatched": {}, "unknown": 0, "failed": []},
        }
    ],
    "TunedIndex": [
        {
            "gallery": "photos",
            "index": "hnsw",
            "parameters": {"oversample": 1, "efSearch": 32},
            "recall": 0.9612,
            "k": 10,
            "queries": 500,
            "latency_ms": 0.082,
            "build_seconds": 9.31,
            "bytes": 69229954,
            "reaches": True,
            "footprint": {"memory": 134800000, "disk": 69229954},
        }
    ],
    "OptimizedIndex": [
        {"gallery": "photos", "index": "hnsw", "rows": 100000, "recall": 0.9612, "seconds": 12.4, "bytes": 69229954}
    ],
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
    "/map": "<!doctype html>...",
    "/metrics": 'lookalike_requests_total{method="POST",route="/search",status="200"} 12.0\n',
}
"""Of routes whose answers have no model."""
FORMS: dict[str, dict[str, Any]] = {
    "/search": {"k": 5, "where": "folder = 'cats'", "exclude": ["photos/cat.jpg"]},
    "/items": {"id": "square", "attributes": '{"label": "plain"}'},
}
"""Fields beside the files."""
