"""What the page on deployment and the files beside it say of the server is so."""

from __future__ import annotations

import re
from pathlib import Path

import typer
import yaml

from lookalike.cli.main import command_line
from lookalike.server.app import create_app
from lookalike.server.options import ServerOptions
from lookalike.server.schemas import MOST_QUERIES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "deployment.md").read_text("utf-8")
COMMANDS = typer.main.get_command(command_line()).commands
OPTIONS, OF_SPACES, OF_SEARCH = (
    {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    for command in (COMMANDS["serve"], COMMANDS["export"].commands["space"], COMMANDS["search"])
)
NOT_OURS = {
    *("--form", "--json", "--file", "--now", "--repo-type", "--index", "--recall"),
    *("--system", "--no-create-home", "--home-dir", "--recursive", "--owner", "--group", "--directory", "--user"),
    *("--build-arg", "--rm", "--entrypoint"),
}


def named_in(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


def test_the_page_tells_of_every_option_and_no_other():
    assert named_in(PAGE) - NOT_OURS <= OPTIONS | OF_SPACES | OF_SEARCH
    assert {name for name in OPTIONS if name.startswith("--")} <= named_in(PAGE) | {"--json"}


def test_the_files_beside_it_use_options_that_there_are():
    for name in ("lookalike.service", "compose.yaml", "compose-milvus.yaml", "Dockerfile"):
        text = (ROOT / "deploy" / name).read_text("utf-8")
        started = [line for line in text.splitlines() if re.search(r"\bserve\b|command:", line)]
        used = set().union(*map(named_in, started))
        assert used <= OPTIONS
        assert used


def test_the_server_beside_milvus_runs_as_it_does_alone_and_nobody_else_reaches_milvus():
    alone, beside = (
        yaml.safe_load((ROOT / "deploy" / name).read_text("utf-8")) for name in ("compose.yaml", "compose-milvus.yaml")
    )
    server, milvus = beside["services"]["lookalike"], beside["services"]["milvus"]
    only_there = {"environment", "depends_on", "networks"}
    assert {k: v for k, v in server.items() if k not in {"build", *only_there}} == {
        k: v for k, v in alone["services"]["lookalike"].items() if k != "build"
    }
    extras = server["build"]["args"]["EXTRAS"].split(",")
    declared = (ROOT / "pyproject.toml").read_text("utf-8")
    assert all(re.search(rf"^{extra} = \[", declared, re.MULTILINE) for extra in extras)
    assert "ARG EXTRAS=server\n" in (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    assert "ports" not in milvus
    assert [beside["networks"][name].get("internal") for name in milvus["networks"]] == [True]
    assert re.fullmatch(r"milvusdb/milvus:v\d+\.\d+\.\d+", milvus["image"])
    assert server["depends_on"]["milvus"]["condition"] == "service_healthy"
    assert milvus["healthcheck"]


def test_the_page_tells_of_every_route():
    described = create_app({}).openapi()["paths"]
    own = {path.replace("{id}", "ID") for path in described if not path.startswith("/galleries/")}
    table = PAGE.partition("| route |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(?:GET|POST|DELETE) (/[\w/]*)`", table)) == own


def test_the_limits_are_those_of_the_server():
    limits = ServerOptions()
    for told in (
        f"{limits.max_queries} queries",
        f"{limits.max_bodies // 1_000_000} MB together",
        f"{limits.limits.max_bytes // 1_000_000} MB (`--max-bytes`)",
        f"{limits.limits.max_pixels // 1_000_000} megapixels",
        f"a request {limits.max_body // 1_000_000} MB and {MOST_QUERIES} pictures",
    ):
        assert told in PAGE
