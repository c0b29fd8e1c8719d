"""The README tells of every command and every extra, and `--help` of every option."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from lookalike.cli.main import command_line

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = typer.main.get_command(command_line()).commands
SHARED = ("--device", "--workers", "--precision", "--runtime", "--pooling", "--index", "--gallery", "--json")


def extras():
    """Return the names of the optional dependencies; the standard library reads TOML from Python 3.11 on only."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    section = text.partition("\n[project.optional-dependencies]\n")[2].partition("\n[")[0]
    return re.findall(r"^([\w-]+) = ", section, re.MULTILINE)


def test_there_are_commands_and_extras_to_look_for():
    assert {"index", "search", "doctor"} <= COMMANDS.keys()
    assert {"hf", "all", "dev"} <= set(extras())


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_readme_names_every_command(command):
    assert re.search(rf"\blookalike {command}\b", README), f"README.md does not mention `lookalike {command}`"


@pytest.mark.parametrize("extra", extras())
def test_the_readme_names_every_extra_to_install(extra):
    installs = rf'pip install (-e )?"(lookalike|\.)\[{extra}\]"'
    assert re.search(installs, README), f"README.md does not say how to install the extra {extra}"


@pytest.mark.parametrize("option", SHARED)
def test_the_readme_names_the_options_of_several_commands(option):
    assert re.search(rf"(?<![\w-]){option}\b", README)


def test_the_readme_names_no_option_that_no_command_has():
    parameters = [parameter for command in COMMANDS.values() for parameter in command.params]
    known = {name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)}
    ours = re.sub(r"^\$ (?!lookalike).*$", "", README, flags=re.MULTILINE)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ours)) - known == set()


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_and_every_option_has_a_help(command):
    assert COMMANDS[command].help
    unexplained = [p.name for p in COMMANDS[command].params if not getattr(p, "help", None)]
    assert unexplained == []
