"""What a call that fails prints and exits with, as scripts see it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from tests.cli.command import album, lookalike, lookalike_json, picture

HAS_SIGNALS = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
# whoever runs the tests may have set the signal to be ignored, which a child process inherits
HEED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"


def start(code: str, *arguments: str, cwd) -> subprocess.Popen[str]:
    """Start the command line after some code."""
    run = f"{HEED}\n{code}\nfrom lookalike.__main__ import main; main()"
    command = [sys.executable, "-c", run, *arguments]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["info", "--gallery", "none"], "StoreMissingError"),
        (["errors", "--gallery", "none"], "StoreMissingError"),
        (["index", "none"], "SourceGoneError"),
        (["search", "query.png", "-k", "0"], "InputError"),
        (["search", "query.png", "--metric", "cosin"], "UnknownNameError"),
        (["search", "query.png", "--none"], "UsageError"),
        (["search"], "UsageError"),
        (["doctor", "stray"], "UsageError"),
    ],
)
def test_a_failure_with_json_is_an_object_and_a_sentence(tmp_path, arguments, kind):
    done = lookalike(*arguments, "--json", cwd=tmp_path, code=2)
    error = json.loads(done.stdout)["error"]
    assert error.keys() == {"type", "message"}
    assert error["type"] == kind
    assert done.stderr == f"error: {error['message']}\n"


def test_a_failure_without_json_prints_no_object(tmp_path):
    assert lookalike("info", "--gallery", "none", cwd=tmp_path, code=2).stdout == ""
    assert lookalike("search", "--metric", "l3", "--", "--json", cwd=tmp_path, code=2).stdout == ""


def test_an_option_that_cannot_be_used_names_the_commands_help(tmp_path):
    done = lookalike("search", "a.jpg", "--nope", cwd=tmp_path, code=2)
    assert done.stderr.startswith("error: no such option: --nope")
    assert done.stderr.endswith("see lookalike search --help\n")


def test_without_arguments_it_is_the_help(tmp_path):
    assert lookalike(cwd=tmp_path).stdout == lookalike("--help", cwd=tmp_path).stdout


@HAS_SIGNALS
@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_a_signal_while_it_still_loads_is_one_line(tmp_path, number, word):
    code = f"""
import os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "lookalike.cli.output":
            os.kill(os.getpid(), {number:d})
sys.meta_path.insert(0, Finder())
"""
    run = start(code, "info", cwd=tmp_path)
    stdout, stderr = run.communicate(timeout=60)
    assert (run.returncode, stdout, stderr) == (128 + number, "", f"error: {word}\n")


@HAS_SIGNALS
@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_a_signal_to_a_search_speaks_of_no_indexing(tmp_path, number, word):
    album(tmp_path / "photos", 2)
    lookalike("index", "photos", cwd=tmp_path)
    code = f"""
import os, numpy as np
from lookalike.encoders.embedded import EmbeddedEncoder
encode = EmbeddedEncoder.encode_prepared
def interrupted(self, batch):
    os.kill(os.getpid(), {number:d})
    return encode(self, batch)
EmbeddedEncoder.encode_prepared = interrupted
"""
    run = start(code, "search", "photos/odd/1.png", "--json", cwd=tmp_path)
    stdout, stderr = run.communicate(timeout=60)
    assert (run.returncode, stderr) == (128 + number, f"error: {word}\n")
    assert json.loads(stdout) == {"error": {"type": word.title(), "message": word}}


@HAS_SIGNALS
def test_a_terminated_run_keeps_what_it_has_and_goes_on_later(tmp_path):
    photos = tmp_path / "photos"
    for i in range(1500):
        picture(photos / f"{i}.png", i, side=16)
    # no commit before the end, so that all that is kept was still buffered when the signal came
    run = start(
        "from lookalike.building import writer; writer._ROWS = writer._SECONDS = 1_000_000\n"
        "from lookalike.cli.output import BuildProgress\n"
        "class Told(BuildProgress):\n"
        "    def advance(self, items, failed): print(items, flush=True)\n"
        "import lookalike.cli.index; lookalike.cli.index.BuildProgress = Told",
        "index",
        "photos",
        cwd=tmp_path,
    )
    done = sum(int(run.stdout.readline()) for _ in range(100))
    assert run.poll() is None
    run.send_signal(signal.SIGTERM)
    stdout, stderr = run.communicate(timeout=60)
    done += sum(map(int, stdout.split()))
    assert run.returncode == 143
    assert stderr == "error: terminated; what was indexed is kept, and the same command goes on from there\n"
    kept = lookalike_json("info", cwd=tmp_path)["total"]
    assert done <= kept < 1500
    report = lookalike_json("index", "photos", cwd=tmp_path)
    assert (report["unchanged"], report["total"]) == (kept, 1500)


@HAS_SIGNALS
def test_a_signal_that_is_ignored_stays_so(tmp_path):
    code = "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nimport lookalike.cli.run\n" + (
        "run = lookalike.cli.run.run\n"
        "def told(arguments): os.kill(os.getpid(), signal.SIGTERM); return run(arguments)\n"
        "lookalike.cli.run.run = told"
    )
    run = start(code, "--version", cwd=tmp_path)
    stdout, stderr = run.communicate(timeout=60)
    assert (run.returncode, stderr) == (0, "")
    assert stdout.startswith("lookalike ")
