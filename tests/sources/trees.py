"""Folders of pictures, and a way to look at them as a user without root's powers."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lookalike.sources.base import Source

NOBODY = 65534


def picture(shade: int = 0) -> bytes:
    buffer = BytesIO()
    Image.new("L", (2, 2), shade).save(buffer, "PNG")
    return buffer.getvalue()


def plant(root: Path, names: Iterable[str | bytes]) -> None:
    """Write a picture at each path below root; undecodable names are given as bytes."""
    for shade, name in enumerate(names):
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(shade))


def ids(source: Source) -> list[str]:
    return [ref.id for ref in source]


def open_to_all(tmp_path: Path) -> None:
    """Let another user reach the folder, which pytest keeps to the one who runs it."""
    own = ("popen-gw", "pytest-")  # of the process, of the run, and of the user
    for folder in (tmp_path, *(parent for parent in tmp_path.parents if parent.name.startswith(own))):
        folder.chmod(0o755)


def as_nobody(code: str, *arguments: str) -> list[str]:
    """Run code as a user whom permissions stop, and return the lines that it prints."""
    drop = f"import os\nif os.geteuid() == 0:\n    os.setgid({NOBODY}); os.setuid({NOBODY})\n"
    prelude = "from pathlib import Path\nimport sys\nfrom lookalike.sources.resolve import open_source\n"
    done = subprocess.run(
        # imported before the user changes, who may not be allowed to read this environment
        [sys.executable, "-c", prelude + drop + textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
