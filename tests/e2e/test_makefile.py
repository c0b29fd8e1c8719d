"""The environments that `make` keeps: an interpreter that is named is the one that is used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).resolve().parents[2] / "Makefile"
READY = ".venv-demo/.ready"
OWN = ".".join(map(str, sys.version_info[:2]))

pytestmark = [
    pytest.mark.machine,
    pytest.mark.skipif(shutil.which("make") is None or sys.platform == "win32", reason="there is no make"),
]


@pytest.fixture
def clone(tmp_path):
    """A folder with the Makefile, whose demo environment was made ready by a Python that says it is another one."""
    shutil.copy(MAKEFILE, tmp_path)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    old = tmp_path / ".venv-demo" / "bin" / "python"
    old.parent.mkdir(parents=True)
    old.write_text("#!/bin/sh\necho 2.7\n")
    old.chmod(0o755)
    (tmp_path / READY).touch()
    return tmp_path


def make(clone: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Make the demo's environment ready, with nothing installed into it."""
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "MAKEFLAGS")}
    command = ["make", READY, "PIP_INSTALL=-c pass", *arguments]
    done = subprocess.run(command, cwd=clone, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == (code != 0), done.stdout + done.stderr
    return done


def version(clone: Path) -> str:
    """Return what the environment's Python says when asked for its version."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.check_output([clone / ".venv-demo" / "bin" / "python", "-c", code], text=True).strip()


def test_a_python_of_another_version_makes_the_environment_anew(clone):
    make(clone, f"PYTHON={sys.executable}")
    assert version(clone) == OWN
    assert "up to date" in make(clone, f"PYTHON={sys.executable}").stdout
    (clone / READY).unlink()  # as an interrupted installation leaves it
    (clone / ".venv-demo" / "kept").touch()
    make(clone, f"PYTHON={sys.executable}")
    assert (clone / ".venv-demo" / "kept").exists()


def test_an_interrupted_environment_of_another_version_is_no_beginning(clone):
    (clone / READY).unlink()
    make(clone, f"PYTHON={sys.executable}")
    assert version(clone) == OWN


def test_without_a_name_the_environment_stays(clone):
    assert "up to date" in make(clone).stdout
    assert version(clone) == "2.7"


def test_a_python_that_will_not_do_is_refused_and_nothing_is_lost(clone):
    done = make(clone, f"PYTHON={clone / '.venv-demo' / 'bin' / 'none'}", code=2)
    assert "lookalike needs Python 3.10 to 3.13" in done.stderr
    assert version(clone) == "2.7"
