"""`lookalike serve`: what it asks for before it listens, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from tests.cli.command import album, lookalike, mistake


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    album(folder / "photos", 2)
    lookalike("index", "photos", cwd=folder)
    return folder


def test_other_machines_need_a_key(indexed, tmp_path, monkeypatch):
    monkeypatch.delenv("LOOKALIKE_API_KEY", raising=False)
    for host in ("0.0.0.0", "::", "192.0.2.1", "example"):
        assert "need a key" in mistake("serve", "--host", host, cwd=indexed)
    short = tmp_path / "key"
    short.write_text("short")
    assert "16 to 512" in mistake("serve", "--host", "0.0.0.0", "--api-key-file", short, cwd=indexed)
    assert "cannot be read" in mistake("serve", "--api-key-file", tmp_path / "none", cwd=indexed)
    monkeypatch.setenv("LOOKALIKE_API_KEY", "with a space in it, and long")
    assert "$LOOKALIKE_API_KEY" in mistake("serve", cwd=indexed)


def test_galleries_must_be_there_and_differ_in_name(indexed, tmp_path):
    assert "no gallery at" in mistake("serve", "--gallery", tmp_path / "none", cwd=indexed)
    twice = ["--gallery", f"a={indexed}", "--gallery", f"a={indexed}"]
    assert "two galleries have the name 'a'" in mistake("serve", *twice, cwd=indexed)
    assert "cannot name a gallery" in mistake("serve", "--gallery", f"../x={indexed}", cwd=indexed)


def test_a_port_in_use_is_told(indexed):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "cannot be listened on" in mistake("serve", "--port", taken.getsockname()[1], cwd=indexed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(indexed, number):
    command = [sys.executable, "-m", "lookalike", "serve", "--port", "0", "--json", "--gallery", f"a-1={indexed}"]
    with subprocess.Popen(
        command, cwd=indexed, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    ) as process:
        ready = json.loads(process.stdout.readline())
        assert list(ready["galleries"]) == ["a-1"]
        with urllib.request.urlopen(f"{ready['url']}/galleries/a-1/info", timeout=20) as answer:
            assert json.load(answer)["total"] == 2
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        damaged = urllib.request.Request(f"{ready['url']}/search", b"--x\r\nno header\x01\r\n\r\n", kind)
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(damaged, timeout=20)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    first, *lines = map(json.loads, said.splitlines())  # what libraries say too
    assert {"event": "listening", "url": ready["url"], "page": f"{ready['url']}/"}.items() <= first.items()
    routes = [line["route"] for line in lines if line["event"] == "request"]
    assert routes == ["/galleries/{gallery}/info", "/search"]
    assert str(indexed) not in said


def test_what_is_missing_is_named(indexed):
    code = """
import sys
sys.modules["uvicorn"] = None
from lookalike.cli.run import run
sys.exit(run(["serve"]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=indexed, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'pip install "lookalike[server]"' in done.stderr
