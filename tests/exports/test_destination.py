from __future__ import annotations

import sys

import pytest

from lookalike.errors import InputError
from lookalike.exports.destination import check_file, check_folder
from tests.e2e.children import python


def test_what_can_be_written_passes_and_makes_nothing(tmp_path):
    (tmp_path / "old.png").write_bytes(b"")
    check_file(tmp_path / "old.png")
    check_file(tmp_path / "a" / "b" / "new.png")
    check_folder(tmp_path / "a" / "b")
    check_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["old.png"]


def test_a_folder_is_no_file_and_a_file_no_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "dangling").symlink_to(tmp_path / "none")
    with pytest.raises(InputError, match="it is a folder"):
        check_file(tmp_path)
    with pytest.raises(InputError, match="it is no folder"):
        check_folder(tmp_path / "file")
    with pytest.raises(InputError, match=r"x\.png cannot be written \(.*file is no folder\)"):
        check_file(tmp_path / "file" / "below" / "x.png")
    with pytest.raises(InputError, match="dangling is no folder"):
        check_folder(tmp_path / "dangling" / "below")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_what_is_protected_is_refused(tmp_path):
    (tmp_path / "kept.png").write_bytes(b"")
    (tmp_path / "kept.png").chmod(0o400)
    (tmp_path / "closed").mkdir(mode=0o500)
    code = """
        import sys
        from pathlib import Path
        from lookalike.errors import InputError
        from lookalike.exports.destination import check_file
        from tests.e2e.children import heed_permissions
        heed_permissions()
        for name in ("kept.png", "closed/new.png", "closed/a/new.png", "new.png"):
            try:
                check_file(Path(sys.argv[1], name))
            except InputError as error:
                print(str(error).partition("(")[2])
            else:
                print("passes")
    """
    closed = f"the folder {tmp_path / 'closed'} may not be written to); choose another place"
    assert python(code, tmp_path) == ["it is write-protected); choose another place", closed, closed, "passes"]
