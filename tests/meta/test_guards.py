"""The guards of conftest.py hold: no network, and no silent skip where everything is required."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"

OPTIONAL = """
import pytest
def test_plain(): pass
def test_optional(): pytest.importorskip("no_such_package_at_all")
@pytest.fixture
def absent(): pytest.skip("no photos")
def test_fixture(absent): pass
@pytest.mark.skip(reason="some day")
def test_marked(): pass
@pytest.mark.machine
def test_of_the_machine(): pytest.skip("no GPU")
@pytest.mark.xfail(strict=True)
def test_known(): assert False
"""
WHOLE_MODULE = "import pytest\npytest.importorskip('no_such_package_at_all')\ndef test_in_it(): pass\n"


@pytest.mark.parametrize(
    ("required", "counts"),
    [
        ("1", {"passed": 1, "failed": 1, "error": 3, "skipped": 1, "xfailed": 1}),
        ("0", {"passed": 1, "skipped": 5, "xfailed": 1}),
    ],
)
def test_skips_fail_only_where_all_is_required(tmp_path, required, counts):
    shutil.copy(CONFTEST, tmp_path)
    (tmp_path / "test_optional.py").write_text(OPTIONAL)
    (tmp_path / "test_whole_module.py").write_text(WHOLE_MODULE)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--continue-on-collection-errors",
        "-rA",
        tmp_path,
    ]
    environ = {**os.environ, "LOOKALIKE_REQUIRE_ALL": required}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    closing = done.stdout.strip().splitlines()[-1]
    assert {
        word.rstrip("s"): int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", closing.partition(" in ")[0])
    } == {word.rstrip("s"): number for word, number in counts.items()}
    if required == "1":
        assert "allows no skip" in done.stdout
        assert "no_such_package_at_all" in done.stdout


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.org", 443)])
def test_no_test_reaches_the_network(address):
    with pytest.raises(RuntimeError, match="tests use no network"):
        socket.create_connection(address, timeout=1)


def test_loopback_can_be_reached():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        assert client.getpeername() == server.getsockname()


def test_the_cache_of_the_user_is_left_alone():
    assert Path(os.environ["LOOKALIKE_CACHE"]).is_dir()
    assert not Path(os.environ["LOOKALIKE_CACHE"]).is_relative_to(Path.home() / ".cache")
