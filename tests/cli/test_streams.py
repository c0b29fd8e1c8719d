"""Standard streams that take nothing, or are not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import album, lookalike, lookalike_json

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams")
    album(folder / "photos", 2)
    lookalike("index", "photos", cwd=folder)
    return folder


def shell(command: str, cwd, *, is_unbuffered: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a shell command in which $L is the command line."""
    environ = {
        **os.environ,
        "L": f"{sys.executable} -m lookalike",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1" if is_unbuffered else "",
    }
    done = subprocess.run(
        ["bash", "-c", command], cwd=cwd, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr
    return done


@needs_full
@pytest.mark.parametrize("is_unbuffered", [True, False])
@pytest.mark.parametrize("command", ["info", "info --json", "search photos/odd/1.png", "--help", "--version"])
def test_a_full_disk_is_one_sentence(folder, command, is_unbuffered):
    done = shell(f"$L {command} > /dev/full", folder, is_unbuffered=is_unbuffered)
    assert done.returncode == 1
    assert done.stderr.startswith("error: nothing can be written to standard output (No space left")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["info", "--help"])
def test_a_closed_standard_output_is_one_sentence(folder, command):
    done = shell(f"$L {command} >&-", folder)
    assert done.returncode == 1
    assert done.stderr.startswith("error: nothing can be written to standard output")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("is_unbuffered", [True, False])
@pytest.mark.parametrize("command", ["search id:photos/odd/1.png", "info --json", "--help"])
def test_a_reader_that_has_gone_is_no_failure_worth_a_word(folder, command, is_unbuffered):
    # the pipe is closed before the command begins, which `| head -0` leaves to chance
    code = "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 1); os.execv(sys.argv[1], sys.argv[1:])"
    done = shell(f"{sys.executable} -c '{code}' $L {command}", folder, is_unbuffered=is_unbuffered)
    assert (done.returncode, done.stderr) == (141, "")


@needs_full
@pytest.mark.parametrize("lost", ["2>&-", "2>/dev/full"])
def test_messages_that_cannot_be_shown_change_nothing(folder, lost):
    assert shell(f"$L index photos {lost}", folder).returncode == 0
    assert shell(f"$L search none.png {lost}", folder).returncode == 2
    done = shell(f"$L info {lost}", folder)
    assert (done.returncode, done.stdout.count("\n") > 5) == (0, True)


def test_a_gallery_is_not_written_over_by_what_is_printed(tmp_path):
    photos = album(tmp_path / "photos", 3)
    (photos / "bad.jpg").write_text("no picture")
    assert shell("$L index photos <&- >&- 2>&-", tmp_path).returncode == 0
    info = lookalike_json("info", cwd=tmp_path)
    assert (info["total"], info["failed"]) == (3, 1)
    assert len(lookalike_json("search", "id:photos/odd/1.png", cwd=tmp_path)["hits"]) == 2


def test_without_standard_input_its_list_is_empty(tmp_path):
    done = shell("$L index - <&-", tmp_path)
    assert done.returncode == 2
    assert "empty" in done.stderr
