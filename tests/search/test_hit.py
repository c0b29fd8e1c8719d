from __future__ import annotations

import json
from datetime import datetime

from lookalike.search.hit import Hit


def test_a_hit_becomes_json():
    attributes = {"folder": "cats", "width": 3, "taken": datetime(2020, 1, 2, 3, 4, 5), "sharp": True, "f": 0.5}
    hit = Hit(rank=1, id="a", uri="/a", score=0.25, attributes=attributes)
    assert json.loads(json.dumps(hit.to_dict())) == {
        "rank": 1,
        "id": "a",
        "uri": "/a",
        "score": 0.25,
        "attributes": {"folder": "cats", "width": 3, "taken": "2020-01-02T03:04:05", "sharp": True, "f": 0.5},
    }
