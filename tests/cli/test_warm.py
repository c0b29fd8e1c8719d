"""A search by a running server is the search of a process of its own, to the last digit."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile

import pytest

from lookalike.server.local_protocol import socket_path
from tests.cli.command import album, lookalike, lookalike_json, mistake, picture

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has no sockets with permissions")


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warm")
    album(folder / "photos")
    picture(folder / "query.png", 3)
    lookalike("index", "photos", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def runtime():
    # not below the folder of the tests, whose path may be longer than that of a socket can be
    with tempfile.TemporaryDirectory() as folder:
        yield folder


@pytest.fixture
def other_runtime(monkeypatch):
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield


@pytest.fixture(scope="module")
def server(indexed, runtime):
    command = [sys.executable, "-m", "lookalike", "serve", "--port", "0", "--json"]
    environ = {**os.environ, "XDG_RUNTIME_DIR": runtime}
    with subprocess.Popen(
        command, cwd=indexed, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert json.loads(process.stdout.readline())["galleries"]
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.fixture
def warm(monkeypatch, runtime, server):
    """Lets commands find the server, or not."""

    def choose(is_warm):
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime if is_warm else f"{runtime}/none")

    return choose


def without_time(answer):
    answers = answer if isinstance(answer, list) else [answer]
    return [{**one, "seconds": None} for one in answers]


@pytest.mark.parametrize(
    "arguments",
    [
        ["query.png"],
        ["query.png", "-k", "2", "--metric", "l2", "--min-score", "-99999999"],
        ["id:photos/odd/3.png", "--where", "folder = 'even'"],
        ["photos/odd/3.png", "query.png", "id:photos/even/0.png"],
        ["photos/odd/3.png", "--include-self"],
    ],
)
def test_what_is_printed_is_the_same(indexed, warm, arguments):
    warm(False)
    cold = lookalike_json("search", *arguments, cwd=indexed), lookalike("search", *arguments, cwd=indexed)
    warm(True)
    hot = lookalike_json("search", *arguments, cwd=indexed), lookalike("search", *arguments, cwd=indexed)
    assert without_time(hot[0]) == without_time(cold[0])
    assert (hot[1].stdout, hot[1].stderr) == (cold[1].stdout, cold[1].stderr)


def test_nothing_heavy_is_loaded_for_it(indexed, warm):
    warm(True)
    code = """
import contextlib, runpy, sys
sys.argv = ["lookalike", "search", "query.png", "--json"]
with contextlib.suppress(SystemExit):
    runpy.run_module("lookalike", run_name="__main__", alter_sys=True)
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=indexed, capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)["hits"]) == 6
    loaded = set(done.stderr.splitlines()[-1].split())
    assert "lookalike" in loaded
    assert not loaded & {"numpy", "pyarrow", "lance", "cv2", "PIL", "openvino", "faiss", "fastapi", "urllib3"}


def test_it_follows_the_gallery(indexed, warm):
    warm(True)
    picture(indexed / "photos" / "new.png", 99)
    lookalike("index", "photos", cwd=indexed)
    assert (
        lookalike_json("search", "photos/new.png", "--include-self", cwd=indexed)["hits"][0]["id"] == "photos/new.png"
    )
    (indexed / "photos" / "new.png").unlink()
    lookalike("index", "photos", cwd=indexed)
    assert len(lookalike_json("search", "query.png", cwd=indexed)["hits"]) == 6


def test_mistakes_are_told_as_ever(indexed, warm):
    for arguments in (["none.png"], ["id:none", "-k", "0"], ["words"]):
        warm(False)
        cold = mistake("search", *arguments, cwd=indexed)
        warm(True)
        assert mistake("search", *arguments, cwd=indexed) == cold


def test_what_needs_pictures_is_done_here(indexed, warm):
    warm(True)
    lookalike("search", "query.png", "--save", "hits.png", cwd=indexed)
    assert (indexed / "hits.png").is_file()


def test_only_the_user_can_reach_the_socket(indexed, warm):
    warm(True)
    path = socket_path(indexed / ".lookalike")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_that_others_can_enter_is_not_trusted(indexed, other_runtime):
    path = socket_path(indexed / ".lookalike")
    path.parent.mkdir(mode=0o755)
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.bind(str(path))
        foreign.listen()
        assert len(lookalike_json("search", "query.png", cwd=indexed)["hits"]) == 6  # the other never answers


def test_a_socket_that_a_killed_server_left_is_no_hindrance(indexed, other_runtime):
    path = socket_path(indexed / ".lookalike")
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert len(lookalike_json("search", "query.png", cwd=indexed)["hits"]) == 6
