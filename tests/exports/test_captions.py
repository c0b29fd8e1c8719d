from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.exports.captions import elided, plain, score_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("leaf.jpg", "leaf.jpg"),
        ("two\nlines\tand  spaces ", "two lines and spaces"),
        ("caf\udce9.jpg", "caf\N{REPLACEMENT CHARACTER}.jpg"),  # a Latin-1 name on a UTF-8 system
        ("gpj.\u202eexe", "gpj.exe"),  # would be shown reversed
        ("\x1b[31mred", "[31mred"),
        ("猫.jpg", "猫.jpg"),
    ],
)
def test_any_text_fits_on_one_readable_line(text, shown):
    assert plain(text) == shown


@given(st.text(st.characters(), max_size=40))
def test_plain_text_can_be_encoded_and_stays_the_same(text):
    shown = plain(text)
    assert plain(shown).encode("utf-8") == shown.encode("utf-8")


@given(st.text("abc_.", max_size=60), st.integers(1, 70))
def test_a_shortened_text_is_as_long_as_can_be_and_keeps_its_ends(text, room):
    short = elided(text, lambda candidate: len(candidate) <= room)
    if len(text) <= room:
        assert short == text
    else:
        assert len(short) == room
        head, _, tail = short.partition("…")
        assert text.startswith(head)
        assert text.endswith(tail)
        assert len(tail) - len(head) in (0, 1)


def test_scores_have_three_decimals_and_a_minus_sign():
    assert score_text(0.98765) == "0.988"
    assert score_text(-1.5) == "\N{MINUS SIGN}1.500"
