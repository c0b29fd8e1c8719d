"""What the README shows runs as it stands there; see test_readme_datasets.py for its section on data sets."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lookalike
from tests.docs.readme import TEXT, blocks, commands

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ("query.jpg", "holiday.jpg", "a.jpg", "b.jpg")


@pytest.fixture
def folder(beans, tmp_path, monkeypatch):
    """A working directory as the README's reader has it."""
    pictures = sorted((beans / "test").rglob("*.jpg"))[::10]
    (tmp_path / "photos").mkdir()
    for number, picture in enumerate(pictures[:6]):
        shutil.copy(picture, tmp_path / "photos" / f"leaf{number}.jpg")
    shutil.copy(pictures[6], tmp_path / "photos" / "cat.jpg")
    (tmp_path / "photos" / "old").mkdir()
    shutil.copy(pictures[0], tmp_path / "photos" / "old" / "first.jpg")
    for name, picture in zip(PICTURES, pictures[7:], strict=False):
        shutil.copy(picture, tmp_path / name)
    for label, picture in zip(("photos", "old"), pictures[-2:], strict=True):
        (tmp_path / "queries" / label).mkdir(parents=True)
        shutil.copy(picture, tmp_path / "queries" / label)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder):
    """Runs a command with a `lookalike` on the path, and a viewer that only notes what it is to open."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    scripts = {"lookalike": f'exec {shlex.quote(sys.executable)} -m lookalike "$@"', "xdg-open": 'echo "$@" >> opened'}
    for name, code in scripts.items():
        (bin_folder / name).write_text(f"#!/bin/sh\n{code}\n")
        (bin_folder / name).chmod(0o755)
    environ = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", "DISPLAY": ":0"}

    def call(command: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            shlex.split(command), cwd=folder, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    return call


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere another program opens a file")
def test_the_commands_run(run, folder):
    own = [command for command in commands() if command.startswith("lookalike ")]
    # what needs other files, or minutes, or does not end, is only held against the help
    told = [command for command in own if any(word in command for word in ("compare", "embeddings.", "serve"))]
    for command in told:
        known = run(f"lookalike {command.split()[1]} --help").stdout
        assert all(option in known for option in re.findall(r"--[\w-]+", command))
    own = [command for command in own if command not in told]
    used = {command.split()[1] for command in own}
    always = {"index", "search", "info", "errors", "remove", "tune", "benchmark", "doctor"}
    assert used == always | {"diff", "duplicates", "evaluate", "explain", "export", "map"}
    for command in own:
        done = run(command)
        if "--json" in command:
            assert [answer["query"] for answer in json.loads(done.stdout)] == ["a.jpg", "b.jpg"]
    assert all((folder / name).is_file() for name in ("hits.png", "why.png", "map.html", "worst.png", "space/app.py"))
    assert (folder / "opened").read_text("utf-8").split() == [str(folder / "hits.html")]


@pytest.mark.parametrize("command", [command for command in commands() if not command.startswith("lookalike ")])
def test_what_sets_up_exists(command):
    program, action, *arguments = shlex.split(command)
    if program == "make":
        assert re.search(rf"^{action}:.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        return
    assert (program, action) == ("pip", "install")
    extras = re.findall(r"\[([\w-]+)\]", " ".join(arguments))
    optional = (ROOT / "pyproject.toml").read_text("utf-8").partition("[project.optional-dependencies]")[2]
    for extra in extras:
        assert re.search(rf"^{extra} = ", optional, re.MULTILINE)


def test_the_answer_in_json_is_as_shown(run):
    answer, failure = (json.loads(block) for block in blocks("json"))
    run("lookalike index photos")
    found = json.loads(run("lookalike search query.jpg --json").stdout)
    assert found.keys() == answer.keys()
    (hit,) = answer["hits"]
    assert found["hits"][0].keys() == hit.keys()
    assert found["hits"][0]["attributes"].keys() == hit["attributes"].keys() - {"taken"}
    command = [sys.executable, "-m", "lookalike", "info", "--gallery", "none", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["error"].keys() == failure["error"].keys()
    assert json.loads(done.stdout)["error"]["type"] == failure["error"]["type"]


def test_the_exit_codes_are_listed():
    listed = {
        int(code) for code in re.findall(r"\b(\d+) [a-z]", TEXT.partition("Exit codes: ")[2].partition("\n\n")[0])
    }
    assert listed == {0, 1, 2, 130, 141, 143}


def test_the_python_examples_run(folder, capsys):
    (first,) = blocks("python", "## In Python")[:1]
    (explanation,) = blocks("python", "### Why is this a hit, and what is in the gallery?")
    namespace: dict[str, object] = {}
    exec(first, namespace)
    hits = namespace["hits"]
    assert isinstance(hits, lookalike.Hits)
    assert capsys.readouterr().out == f"{hits.ids} {hits.scores} {hits.labels}\n"
    assert namespace["report"].added == 8
    exec(explanation, namespace)
    assert "(" in capsys.readouterr().out
    assert all((folder / name).is_file() for name in ("hits.png", "why.png", "map.html"))


def test_the_example_of_an_evaluation_runs(folder, capsys):
    (example,) = blocks("python", "### How good is the ranking?")
    gallery = lookalike.open("photos")
    gallery.add("photos")
    exec(example, {"gallery": gallery})
    assert 0 < float(capsys.readouterr().out.partition(" ")[0]) <= 1
    assert (folder / "report.html").is_file()


def test_the_example_of_queries_runs(folder, capsys):
    first, second = blocks("python", "## In Python")[:2]
    namespace: dict[str, object] = {}
    exec(first, namespace)
    capsys.readouterr()
    exec(second, namespace)
    assert len(capsys.readouterr().out.splitlines()) == 8
    shown = re.search(r"`query.to_dict\(\)` is `([^`]+)`", TEXT)
    assert namespace["query"].to_dict() == json.loads(shown[1])


def test_the_example_of_another_encoder_runs(folder):
    pytest.importorskip("transformers")
    from tests.encoders.checkpoints import save_vit_classifier

    # a folder of that name stands for the model of the hub
    save_vit_classifier(folder / "nateraw" / "vit-base-beans")
    (example,) = blocks("python", "### Another encoder")
    namespace = {"lookalike": lookalike}
    exec(example, namespace)
    gallery = namespace["gallery"]
    assert gallery.add("photos").added == 8
    assert (gallery.spec.pooling, gallery.path) == ("cls", folder / "beans-gallery")
