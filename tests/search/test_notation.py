"""What a query may name as a file, before anybody has looked."""

from __future__ import annotations

import contextlib

from hypothesis import example, given
from hypothesis import strategies as st

from lookalike.errors import InputError
from lookalike.search.expression import parse_query
from lookalike.search.notation import candidates


@given(st.lists(st.sampled_from(["a", "b.jpg", '"', " + ", " - ", "2:", " ", "id:"]), max_size=14).map("".join))
@example('0.5:"a + b.jpg" + id:x - 2:c.jpg')
def test_all_that_is_asked_for_as_a_file_is_a_candidate(text):
    for files in (set(), candidates(text)):
        asked = set()

        def is_file(part, asked=asked, files=files):
            asked.add(part)
            return part in files

        with contextlib.suppress(InputError):
            parse_query(text, is_file=is_file)
        assert asked <= candidates(text)
        assert asked or text.startswith("id:")


def test_what_has_too_many_terms_is_one_name_or_none():
    text = " + ".join("a" * 33)
    assert candidates(text) == {text}
