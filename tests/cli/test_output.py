"""What reaches a terminal."""

from __future__ import annotations

import json

import pytest

from lookalike.cli.output import on_one_line, print_json, printable


def test_control_characters_are_escaped_and_all_else_is_kept():
    assert printable("a\x1b[31mb\x00\x9b") == "a\\x1b[31mb\\x00\\x9b"
    assert printable("Ünïcödé 写真 📷\n\t") == "Ünïcödé 写真 📷\n\t"


def test_a_cell_of_a_table_is_one_line():
    assert on_one_line("a\tb\r\nc\x1b") == "a\\tb\\r\\nc\\x1b"


def test_json_keeps_letters_and_refuses_what_json_lacks(capsys):
    print_json({"名": 1.5})
    assert json.loads(capsys.readouterr().out) == {"名": 1.5}
    with pytest.raises(ValueError, match="Out of range"):
        print_json({"score": float("nan")})
