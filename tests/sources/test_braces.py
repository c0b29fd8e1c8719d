from __future__ import annotations

import subprocess

import pytest

from lookalike.sources.braces import expand_braces, has_braces


@pytest.mark.parametrize(
    "text",
    [
        *("x-{000..012}.tar", "{0..3}", "{3..0}", "{08..11}", "{1..010}", "{a,b}-{1..2}.tar", "x{,y}", "{5..5}"),
        *("x.tar", "{a}", "{1..}", "{a..c,d}", "{}"),
    ],
)
def test_names_are_those_of_the_shell(text):
    shell = subprocess.run(["bash", "-c", f"printf '%s\\n' {text}"], capture_output=True, text=True, check=True)
    assert list(expand_braces(text)) == shell.stdout.splitlines()
    assert has_braces(text) == (shell.stdout.strip() != text)
