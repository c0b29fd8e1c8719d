"""Queries as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from lookalike.errors import InputError
from lookalike.search.expression import parse_query
from tests.toys import png


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("beach.jpg", "x - y.jpg", "2:odd.png", "salt + pepper", 'say "hi".png'):
        Path(name).write_bytes(png(1))
    return tmp_path


def terms(text, items=()):
    query = parse_query(text, is_item=lambda item: item in items)
    return [(term.kind.value, str(term.what), term.weight) for term in query.terms]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            './beach.jpg + "sunset" - 0.5:people',
            [("file", "beach.jpg", 1), ("text", "sunset", 1), ("text", "people", -0.5)],
        ),
        ("2:beach.jpg + .25:id:a/b.png", [("file", "beach.jpg", 2), ("id", "a/b.png", 0.25)]),
        ("dog  -   cat ", [("text", "dog", 1), ("text", "cat", -1)]),
        ("- people", [("text", "people", -1)]),
        ("+ sea - sky", [("text", "sea", 1), ("text", "sky", -1)]),
        ("https://example.org/a-b+c + sea", [("url", "https://example.org/a-b+c", 1), ("text", "sea", 1)]),
        ('"salt - sea" + 2:"10:30 + x"', [("text", "salt - sea", 1), ("text", "10:30 + x", 2)]),
        ('"AC/DC"', [("text", "AC/DC", 1)]),
        ('"AC/DC" - 3:"a.jpg"', [("text", "AC/DC", 1), ("text", "a.jpg", -3)]),
        ('"beach.jpg" + sea', [("file", "beach.jpg", 1), ("text", "sea", 1)]),
        ('5" vinyl + 3" tape', [("text", '5" vinyl', 1), ("text", '3" tape', 1)]),
        ('"odd + sea', [("text", '"odd', 1), ("text", "sea", 1)]),
    ],
)
def test_terms_are_joined_by_signs(text, expected):
    assert terms(text) == expected


@pytest.mark.parametrize(
    "text", ["a+b", "t-shirt", "3:10 to Yuma", "2:sea", "what? a *", "a +", "-x", " sea ", "", "ü\n"]
)
def test_a_text_without_a_sign_stands_as_it_is(text):
    assert terms(text) == [("text", text, 1)]


@pytest.mark.parametrize("name", ["x - y.jpg", "2:odd.png", "salt + pepper", 'say "hi".png', "./x - y.jpg"])
def test_an_existing_file_wins(name):
    assert terms(name) == [("file", str(Path(name)), 1)]
    assert terms(f"{name} + sea") == [("file", str(Path(name)), 1), ("text", "sea", 1)]
    assert terms(f"sea - 2:{name}") == [("text", "sea", 1), ("file", str(Path(name)), -2)]


def test_the_id_of_an_item_wins():
    items = {"p/a - b.png", "p/a"}
    assert terms("id:p/a - b.png", items) == [("id", "p/a - b.png", 1)]
    assert terms("sea + 2:id:p/a - b.png - id:p/a", items) == [
        ("text", "sea", 1),
        ("id", "p/a - b.png", 2),
        ("id", "p/a", -1),
    ]
    assert terms("id:p/a - b.png", {"p/a"}) == [("id", "p/a", 1), ("file", "b.png", -1)]


@pytest.mark.parametrize("text", ["a + - b", "+ - b", "a - + - b"])
def test_two_signs_in_a_row_are_a_mistake(text):
    with pytest.raises(InputError, match="no term after it"):
        parse_query(text)


def test_more_terms_than_anybody_means_are_a_mistake():
    name = " - ".join("a" * 33)
    Path(name).write_bytes(png(1))
    assert terms(name) == [("file", name, 1)]
    assert len(parse_query(" + ".join("a" * 32)).terms) == 32
    with pytest.raises(InputError, match="has 33 terms"):
        parse_query(" + ".join("a" * 33))
