"""A search by a running server is the search of a process of its own, to the last digit."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lookalike.server.local_protocol import socket_path
from tests.cli.command import album, lookalike, lookalike_json, picture

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has no sockets with permissions")


SCENES = 60
"""Pictures that differ: as many as it takes to tell weak hits."""


def scene(path, seed):
    rng = np.random.default_rng(seed)
    drawn = Image.open(picture(path, seed))
    pencil = ImageDraw.Draw(drawn)
    for _ in range(rng.integers(1, 9)):
        x, y, width, height = rng.integers(0, 50, 4)
        draw = pencil.ellipse if rng.random() < 0.5 else pencil.rectangle
        draw((x, y, x + width, y + height), fill=tuple(rng.integers(0, 256, 3).tolist()))
    drawn.save(path)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warm")
    album(folder / "photos")
    for seed in range(SCENES):
        scene(folder / "photos" / "scenes" / f"{seed}.png", seed)
    picture(folder / "query.png", 3)
    picture(folder / "photos" / "a + b.png", 7)
    (folder / "photos" / "twin.png").write_bytes((folder / "photos" / "odd" / "3.png").read_bytes())
    lookalike("index", "photos", "--tiles", cwd=folder)
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


RUN = """
import contextlib, runpy, sys
listing, *arguments = sys.argv[1:]
sys.argv = ["lookalike", "search", *arguments]
try:
    runpy.run_module("lookalike", run_name="__main__", alter_sys=True)
finally:
    with open(listing, "w") as file:
        print(*sorted({name.partition(".")[0] for name in sys.modules}), file=file)
"""
HEAVY = {"numpy", "pyarrow", "lance", "cv2", "PIL", "openvino", "faiss", "fastapi", "urllib3"}


@pytest.fixture
def search(indexed, tmp_path):
    """Runs a search; returns its exit code, standard output and error, and the packages that it loaded."""

    def run(*arguments):
        listing = tmp_path / "loaded.txt"
        done = subprocess.run(
            [sys.executable, "-c", RUN, listing, *arguments],
            cwd=indexed,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "HOME": str(indexed), "COLUMNS": "120", "NO_COLOR": "1"},
        )
        return (done.returncode, untimed(done.stdout), done.stderr), set(listing.read_text().split())

    return run


def untimed(text):
    return re.sub(r'"seconds": [\d.]+', '"seconds": _', text)


TWO = ("photos/odd/3.png", "query.png")


@pytest.mark.parametrize(
    "arguments",
    [
        ("query.png",),
        ("query.png", "-k", "2", "--metric", "l2", "--min-score", "-99999999"),
        ("id:photos/odd/3.png", "--where", "folder = 'even'"),
        (*TWO, "id:photos/even/0.png"),
        ("photos/odd/3.png", "--include-self"),
        ("~/query.png",),
        ("photos/odd/3.png", "--collapse"),
        (*TWO, "--crop", "0,0,0.5,1"),
        ("id:photos/odd/3.png", "--crop", "8,8,32,32", "--include-self"),
        ("query.png", "--reverse", "-k", "3"),
        ("query.png", "--diversity", "0.5"),
        ("query.png", "--sort", "-folder"),
        ("query.png", "--expand", "crops"),
        ("id:photos/odd/3.png", "--expand", "neighbours"),
        ("query.png", "--rerank", "centred"),
        ("query.png", "--rerank", "augmented"),
        ("query.png", "--cursor", "start", "-k", "3"),
        ("query.png", "--exclude", "photos/odd/3.png", "--exclude", "id:photos/even/0.png", "--exclude", "none"),
        ("photos/scenes/3.png", "query.png", "--min-score", "auto"),
        ("query.png", "--no-tiles"),
        ("query.png + 0.5:id:photos/even/0.png",),
        ("id:photos/even/0.png - 2:id:photos/odd/1.png", "--metric", "inner-product"),
        ("query.png + photos/odd/1.png - photos/even/2.png", "--crop", "0,0,0.5,0.5"),
        ("photos/a + b.png",),
        ("query.png - photos/a + b.png",),
        ('0.5:"photos/a + b.png" + ~/query.png',),
        ("id:photos/a + b.png + query.png",),
    ],
)
def test_what_is_found_is_the_same(warm, search, arguments):
    is_the_same(warm, search, *arguments, "--json")


@pytest.mark.parametrize(
    "arguments",
    [
        ("photos/scenes/3.png", "query.png", "--min-score", "auto"),
        ("photos/odd/3.png", "--collapse", "--include-self"),
        ("query.png - id:photos/even/0.png", "--cursor", "start", "-k", "3", "--exclude", "none"),
    ],
)
def test_what_is_printed_for_people_is_the_same(warm, search, arguments):
    is_the_same(warm, search, *arguments)


def is_the_same(warm, search, *arguments):
    warm(False)
    cold, loaded_cold = search(*arguments)
    warm(True)
    hot, loaded = search(*arguments)
    assert hot == cold
    code, out, _ = hot
    assert code == 0
    assert out
    assert "numpy" in loaded_cold
    assert not loaded & HEAVY


def test_a_page_leads_to_the_next(indexed, warm):
    def pages():
        found, cursor = [], "start"
        while cursor is not None:
            page = lookalike_json("search", "query.png", "-k", "20", "--cursor", cursor, cwd=indexed)
            found += [hit["id"] for hit in page["hits"]]
            cursor = page["cursor"]
        return found

    warm(True)
    hot = pages()
    warm(False)
    assert hot == pages()
    assert len(hot) == len(set(hot)) == SCENES + 8


def test_it_follows_the_gallery(indexed, warm):
    warm(True)
    picture(indexed / "photos" / "new.png", 99)
    lookalike("index", "photos", cwd=indexed)
    assert (
        lookalike_json("search", "photos/new.png", "--include-self", cwd=indexed)["hits"][0]["id"] == "photos/new.png"
    )
    (indexed / "photos" / "new.png").unlink()
    lookalike("index", "photos", cwd=indexed)
    assert len(lookalike_json("search", "query.png", cwd=indexed)["hits"]) == 10


@pytest.mark.parametrize(
    "arguments",
    [
        ("none.png",),
        ("photos",),
        ("query.png + words",),
        ("query.png - query.png",),
        ("query.png", "--crop", "500,500,9,9"),
        ("id:photos/odd/3.png", "--expand", "crops"),
        ("query.png", "--diversity", "2"),
        ("query.png", "--cursor", "none"),
        ("query.png", "--reverse", "--collapse"),
        ("query.png", "--where", "colour = 1", "--exclude", "none"),
    ],
)
def test_mistakes_are_told_as_ever(warm, search, arguments):
    warm(False)
    cold, _ = search(*arguments, "--json")
    warm(True)
    hot, _ = search(*arguments, "--json")
    assert hot == cold
    code, out, error = hot
    assert code == 2
    assert json.loads(out)["error"]["message"] in error


def test_each_picture_of_a_folder_is_asked_with(warm, search):
    warm(False)
    cold, _ = search("photos/odd/", "--json", "-k", "2")
    warm(True)
    hot, _ = search("photos/odd/", "--json", "-k", "2")
    assert hot == cold
    assert hot[0] == 0


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
        assert len(lookalike_json("search", "query.png", cwd=indexed)["hits"]) == 10  # the other never answers


def test_a_socket_that_a_killed_server_left_is_no_hindrance(indexed, other_runtime):
    path = socket_path(indexed / ".lookalike")
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert len(lookalike_json("search", "query.png", cwd=indexed)["hits"]) == 10
