"""A disk that is full: one sentence, nothing lost, and the next run goes on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

import lookalike
from tests.e2e.children import python
from tests.toys import ToyEncoder, plant

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = 120

UNDER_A_LIMIT = """
    import sys
    import lookalike
    from lookalike.building import writer
    from lookalike.errors import StoreError
    from tests.e2e.children import limit_files
    from tests.toys import ToyEncoder
    import lance, simplejpeg, cv2  # before the limit, for they may write files of their own

    writer._ROWS = 20
    limit_files(int(sys.argv[2]))
    try:
        lookalike.open(sys.argv[1], encoder=ToyEncoder()).add(sys.argv[1])
    except StoreError as error:
        print(type(error).__name__, error)
    else:
        print("done")
"""

ON_A_SMALL_DISK = """
    import shutil
    import sys
    from pathlib import Path
    import lookalike
    from lookalike.building import writer
    from lookalike.errors import StoreError
    from tests.toys import ToyEncoder

    writer._ROWS = 20
    folder, disk = sys.argv[1], Path(sys.argv[2])
    for kilobytes in (0, 4, 12, 40, 80, 160, 0, 450):
        ballast = disk / "ballast"
        ballast.unlink(missing_ok=True)
        ballast.write_bytes(bytes(max(0, shutil.disk_usage(disk).free - kilobytes * 1024)))
        try:
            print("total", lookalike.open(disk / "gallery", encoder=ToyEncoder()).add(folder).total)
        except StoreError as error:
            print(type(error).__name__, error)
            print("total", len(lookalike.open(disk / "gallery")))
    print("hits", len(lookalike.open(disk / "gallery").search("id:" + sys.argv[3], k=1000)))
"""


@pytest.fixture
def folder(tmp_path):
    plant(tmp_path / "photos", range(IMAGES - 40))
    plant(tmp_path / "photos" / ("long" * 50), range(IMAGES - 40, IMAGES))  # rows that take more bytes
    return tmp_path / "photos"


@pytest.fixture
def size_of_a_commit(folder, tmp_path, monkeypatch):
    """The size in bytes of the file that 20 rows take, other than the last 40."""
    monkeypatch.setattr("lookalike.building.writer._ROWS", 20)
    lookalike.open(tmp_path / "other", encoder=ToyEncoder()).add(sorted(folder.glob("*.png"))[:20])
    (file,) = (tmp_path / "other" / "items.lance" / "data").iterdir()
    return file.stat().st_size


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file")
@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 1])
def test_a_file_that_cannot_grow_is_one_sentence_and_loses_nothing(folder, size_of_a_commit, share):
    (line,) = python(UNDER_A_LIMIT, folder, int(share * size_of_a_commit) + 50)
    assert line.startswith("StoreError ")
    assert ".lookalike cannot be used (" in line
    assert "File too large" in line or "bytes could be written" in line
    kept = len(lookalike.open(folder))
    assert kept == (IMAGES - 40 if share == 1 else 0)
    if kept:
        assert len(lookalike.open(folder).search(np.ones(12), k=1000)) == kept
    report = lookalike.open(folder, encoder=ToyEncoder()).add(folder)
    assert (report.unchanged, report.total) == (kept, IMAGES)
    assert len(lookalike.open(folder).search(np.ones(12), k=1000)) == IMAGES


def small_disk(folder: Path) -> tuple[str, ...]:
    """Return what runs a command that alone sees a small disk at a folder; nothing where that is not allowed."""
    if not shutil.which("unshare"):
        return ()
    mount = ("sh", "-c", 'mount -t tmpfs -o size=600k none "$0" && exec "$@"', str(folder))
    for apart in (("unshare", "--mount"), ("unshare", "--map-root-user", "--mount")):
        if subprocess.run([*apart, *mount, "true"], capture_output=True, check=False).returncode == 0:
            return (*apart, *mount)
    return ()


@pytest.mark.machine
def test_a_disk_that_is_full_is_one_sentence_and_loses_nothing(folder, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    wrapper = small_disk(disk)
    if not wrapper:
        pytest.skip("this process may not mount a small disk")
    lines = python(ON_A_SMALL_DISK, folder, disk, folder / "0000.png", wrapper=wrapper)
    errors = [line for line in lines if "Error" in line]
    assert len(errors) >= 3
    said = f"StoreFullError no space left on the disk that holds {disk}/gallery"
    assert [line for line in errors if not line.startswith(said)] == []
    totals = [int(line.split()[1]) for line in lines if line.startswith("total")]
    assert totals == sorted(totals)
    assert totals[-1] == IMAGES
    assert lines[-1] == f"hits {IMAGES - 1}"
