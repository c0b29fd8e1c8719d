"""Choices as text: what is read, what is refused, and in which words."""

from __future__ import annotations

import pytest

from lookalike.errors import InputError, UnknownNameError
from lookalike.options import Choice, Options, Parameter, parse_choice


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("lsh", Choice("lsh")),
        ("lsh:bits=8,tables=10", Choice("lsh", (), {"bits": "8", "tables": "10"})),
        ("pca:128,whiten", Choice("pca", ("128", "whiten"))),
        ("faiss:IVF256(HNSW32,Flat),PQ64x4fs", Choice("faiss", ("IVF256(HNSW32,Flat)", "PQ64x4fs"))),
        ("faiss:IVF16,PQ8+8,nprobe=4", Choice("faiss", ("IVF16", "PQ8+8"), {"nprobe": "4"})),
        (" lsh : bits = 8 , tables = 10 ", Choice("lsh", (), {"bits": "8", "tables": "10"})),
    ],
)
def test_text_is_taken_apart_and_put_together_again(text, choice):
    parsed = parse_choice(text)
    assert parsed == choice
    assert parse_choice(str(parsed)) == parsed


@pytest.mark.parametrize("text", ["", ":", ":8", "lsh:", "lsh:bits=8,", "lsh:,", "lsh:bits=", "lsh:=8", "lsh:a=1,a=2"])
def test_half_a_choice_is_refused(text):
    with pytest.raises(InputError, match=r"write NAME|twice"):
        parse_choice(text)


def options(text):
    return Options(parse_choice(text))


def test_options_are_read_by_their_types():
    given = options("x:bits=8,eps=0.5,rank=collisions,probes=3")
    assert given.whole("bits", 1, at_most=8) == 8
    assert given.number("eps", 0.1, above=0) == 0.5
    assert given.one_of("rank", ("score", "collisions")) == "collisions"
    assert given.parameter("probes", Parameter(0, at_least=0)) == Parameter(3, at_least=0)
    assert given.whole("tables", 16) == 16
    assert given.one_of("center", ("yes", "no")) == "yes"
    given.refuse_others()


@pytest.mark.parametrize("value", ["0", "9", "-1", "1.5", "eight", "nan", "inf"])
def test_a_number_out_of_range_names_the_range(value):
    with pytest.raises(InputError, match=f"x: bits must be a whole number from 1 to 8, got '{value}'"):
        options(f"x:bits={value}").whole("bits", 1, at_most=8)


def test_other_wrong_values_name_what_would_do():
    with pytest.raises(InputError, match="x: eps must be a number above 0, got '0'"):
        options("x:eps=0").number("eps", 1, above=0)
    with pytest.raises(InputError, match="x: rank must be score or collisions, got 'size'"):
        options("x:rank=size").one_of("rank", ("score", "collisions"))
    with pytest.raises(InputError, match="x: probes must be a whole number of at least 0, got '-1'"):
        options("x:probes=-1").parameter("probes", Parameter(0, at_least=0))
    with pytest.raises(InputError, match="x takes options, as in x:NAME=VALUE, and no '128'"):
        options("x:128").refuse_arguments()


def test_an_unknown_option_offers_a_near_one():
    given = options("x:bit=8")
    given.whole("bits", 1)
    given.whole("tables", 1)
    with pytest.raises(UnknownNameError, match=r"no option of 'x' named 'bit'; did you mean 'bits'\?"):
        given.refuse_others()
