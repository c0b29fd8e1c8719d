"""The command as a whole."""

from __future__ import annotations

import re

import lookalike as package
from tests.cli.command import lookalike

COMMANDS = ("index", "search", "info", "errors", "doctor", "demo")


def test_version(tmp_path):
    assert lookalike("--version", cwd=tmp_path).stdout == f"lookalike {package.__version__}\n"


def test_help_lists_every_command_and_each_has_its_own(tmp_path):
    text = lookalike("--help", cwd=tmp_path).stdout
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b", text)
        own = lookalike(command, "--help", cwd=tmp_path).stdout
        assert "Usage" in own


def test_an_unknown_command_or_option_exits_with_2(tmp_path):
    assert "serch" in lookalike("serch", cwd=tmp_path, code=2).stderr
    assert "--nope" in lookalike("search", "--nope", "a.jpg", cwd=tmp_path, code=2).stderr
