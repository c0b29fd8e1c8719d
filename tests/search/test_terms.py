"""What a term is taken for, and the JSON form of queries."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.errors import InputError, UnknownNameError
from lookalike.images.decode import as_pixels
from lookalike.images.region import Region
from lookalike.search.terms import Kind, Query, Term
from tests.toys import pixels_of, png


@pytest.mark.parametrize(
    ("what", "kind", "held"),
    [
        ("sub/cat", Kind.FILE, Path("sub/cat")),
        ("cat.jpg", Kind.FILE, Path("cat.jpg")),
        (Path("cat"), Kind.FILE, Path("cat")),
        ("file:///a%20b.png", Kind.FILE, Path("/a b.png")),
        ("https://example.org/x", Kind.URL, "https://example.org/x"),
        ("id:photos/cat.jpg", Kind.ID, "photos/cat.jpg"),
        ("a cat", Kind.TEXT, "a cat"),
        ("", Kind.TEXT, ""),
    ],
)
def test_a_kind_is_told_from_what_it_is(what, kind, held):
    term = Term(what)
    assert (term.kind, term.what) == (kind, held)


def test_a_kind_that_is_given_holds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Term("AC/DC", kind="text").kind is Kind.TEXT
    assert Term("cat", kind="file").what == Path("cat")
    assert Term("photos/cat.jpg", kind="id").kind is Kind.ID
    with pytest.raises(UnknownNameError, match="did you mean 'text'"):
        Term("cat", kind="txt")
    with pytest.raises(InputError, match="no http: or https: URL"):
        Term("cat.jpg", kind="url")
    for what, kind in ((3, "text"), (3, "file"), ("x", "vector"), (np.ones((2, 2)), "vector")):
        with pytest.raises(InputError, match=f"a term of the kind {kind} is"):
            Term(what, kind=kind)


@pytest.mark.parametrize("weight", [0, np.nan, np.inf, "2", None])
def test_a_weight_is_a_number_other_than_zero(weight):
    with pytest.raises(InputError, match="weight of a term"):
        Term("cat", weight)


def test_only_pictures_are_cropped():
    assert Term("cat.jpg", crop=(0, 0, 0.5, 1)).crop == Region(0, 0, 0.5, 1)
    with pytest.raises(InputError, match="'cat' is a text"):
        Term("cat", crop=(0, 0, 1, 1))
    left = Region(0, 0, 0.5, 1)
    cropped = Query(["cat.jpg", "sea", Term("dog.jpg", crop=(1, 2, 3, 4))]).cropped(left)
    assert [term.crop for term in cropped.terms] == [left, None, Region(1, 2, 3, 4)]
    with pytest.raises(InputError, match="no picture in the query"):
        Query(["sea"]).cropped(left)


def test_a_query_has_a_term():
    with pytest.raises(InputError, match="at least one"):
        lookalike.Query([])


def test_json_brings_the_same_query_back():
    query = lookalike.Query(
        [
            lookalike.Term("sub/cat.jpg", 2, crop=(0, 0, 0.5, 0.5)),
            Term("id:x.png", -0.5),
            Term("AC/DC", kind="text"),
            Term("https://example.org/x"),
            np.array([1.5, 2.0]),
            png(3),
            pixels_of(4),
            Image.fromarray(pixels_of(5)),
        ]
    )
    values = json.loads(json.dumps(query.to_dict()))
    assert values["terms"][:4] == [
        {"file": "sub/cat.jpg", "weight": 2.0, "crop": [0, 0, 0.5, 0.5]},
        {"id": "x.png", "weight": -0.5},
        {"text": "AC/DC"},
        {"url": "https://example.org/x"},
    ]
    back = Query.from_dict(values)
    assert back.to_dict() == query.to_dict()
    assert [term.kind for term in back.terms] == [term.kind for term in query.terms]
    assert back.terms[4].what.tolist() == [1.5, 2.0]
    for term, seed in zip(back.terms[5:], (3, 4, 5), strict=True):
        np.testing.assert_array_equal(as_pixels(term.what), pixels_of(seed))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, 'list of objects named "terms"'),
        ({"terms": []}, "at least one"),
        ({"terms": ["cat"]}, "list of objects"),
        ({"terms": [{"id": "a"}], "k": 3}, "list of objects"),
        ({"terms": [{}]}, "exactly one of file, url, id, image, text, vector.*got nothing"),
        ({"terms": [{"id": "a", "text": "b"}]}, "exactly one"),
        ({"terms": [{"id": "a", "size": 2}]}, "may have weight and crop"),
        ({"terms": [{"id": 3}]}, "kind id is a text"),
        ({"terms": [{"image": "%"}]}, "base64"),
        ({"terms": [{"vector": [1, "2"]}]}, "list of numbers"),
        ({"terms": [{"vector": [True]}]}, "list of numbers"),
        ({"terms": [{"id": "a", "weight": "2"}]}, "weight of a term"),
        ({"terms": [{"id": "a", "crop": [1, 2]}]}, "a region is"),
        ({"terms": [{"text": "a", "crop": [0, 0, 1, 1]}]}, "only a picture"),
    ],
)
def test_json_that_is_no_query_is_one_sentence(values, words):
    with pytest.raises(InputError, match=words) as raised:
        Query.from_dict(values)
    assert "\n" not in str(raised.value)
