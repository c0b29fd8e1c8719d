from __future__ import annotations

import pytest
from PIL import Image

from tests.cli.command import album, lookalike, lookalike_json, mistake


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explained")
    album(folder / "photos", 4)
    lookalike("index", "photos", cwd=folder)
    return folder


def test_a_hit_is_explained_and_drawn(folder):
    query, item = "photos/even/0.png", "photos/odd/1.png"
    found = lookalike_json("explain", query, item, "--save", "why.png", cwd=folder)
    assert {"gallery", "query", "id", "uri", "score", "method", "query_map", "hit_map"} == {*found}
    assert (found["query"], found["id"], found["method"]) == (query, item, "contribution")
    assert sum(map(sum, found["hit_map"]["grid"])) == pytest.approx(found["score"], abs=1e-4)
    hits = lookalike_json("search", query, cwd=folder)["hits"]
    assert found["score"] == pytest.approx(next(hit["score"] for hit in hits if hit["id"] == item), abs=1e-4)
    with Image.open(folder / "why.png") as picture:
        assert picture.width > 2 * picture.height * 0.6
    done = lookalike("explain", query, f"id:{item}", cwd=folder)
    assert done.stdout.split("\t")[1:] == ["contribution", query, f"{item}\n"]
    assert "use --save FILE.png" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["photos/even/0.png", "nobody"], ["no item with the id 'nobody'"]),
        (["photos/even/0.png", "photos/odd/1.png", "--save", "why.html"], [".png", ".html"]),
        (["a red leaf", "photos/odd/1.png"], ["no text side"]),
        (["photos/even/9.png", "photos/odd/1.png"], ["no such file"]),
    ],
)
def test_a_mistake_is_one_sentence(folder, arguments, words):
    sentence = mistake("explain", *arguments, cwd=folder)
    for word in words:
        assert word in sentence
