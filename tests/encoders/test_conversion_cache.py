"""Entries appear whole or not at all, and are not used when damaged."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lookalike.encoders.conversion_cache import cache_folder, copy, find, read_json, store, write_json


def fill(folder: Path) -> dict[str, int]:
    (folder / "weights").write_bytes(bytes(range(256)) * 9000)
    (folder / "graph").write_text("g")
    return {"number": 7}


def test_an_entry_is_found_with_what_was_noted(tmp_path):
    written = store(tmp_path / "new" / "cache", "e", fill)
    found = find(tmp_path / "new" / "cache", "e")
    assert found == written
    assert found.about == {"number": 7}
    assert (found.folder / "graph").read_text() == "g"
    assert find(tmp_path, "e") is None


@pytest.mark.parametrize("file", ["weights", "graph", "about.json"])
@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_entry_is_not_found_and_is_replaced(file, damage, tmp_path):
    path = store(tmp_path, "e", fill).folder / file
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-1] if damage == "cut" else bytes([data[0] ^ 1]) + data[1:])
    assert find(tmp_path, "e") is None
    store(tmp_path, "e", fill)
    assert find(tmp_path, "e") is not None
    assert path.read_bytes() == data


def test_a_whole_entry_stays(tmp_path):
    first = store(tmp_path, "e", fill)
    before = (first.folder / "weights").stat()
    again = store(tmp_path, "e", lambda folder: {**fill(folder), "number": 8})
    assert again.about == {"number": 7}
    assert (first.folder / "weights").stat() == before


def test_what_fails_leaves_nothing(tmp_path):
    def fail(folder: Path) -> dict[str, int]:
        fill(folder)
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        store(tmp_path, "e", fail)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_after_a_day(tmp_path):
    old, new = tmp_path / "partial-old", tmp_path / "partial-new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "weights").touch()
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (long_ago, long_ago))
    store(tmp_path, "e", fill)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e", "partial-new"]


def test_a_copy_is_whole(tmp_path):
    entry = store(tmp_path / "a", "e", fill)
    (entry.folder / "checked.json").write_text("{}")  # noted later, and for this machine
    copy(entry, tmp_path / "b")
    found = find(tmp_path / "b", "e")
    assert found is not None
    assert found.about == entry.about
    assert sorted(path.name for path in found.folder.iterdir()) == ["about.json", "graph", "weights"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_others_may_read_what_the_user_lets_them_read(tmp_path):
    entry = store(tmp_path, "e", fill)
    plain = tmp_path / "plain"
    plain.mkdir()
    assert entry.folder.stat().st_mode == plain.stat().st_mode


def test_json_that_cannot_be_read_or_written_is_done_without(tmp_path):
    write_json(tmp_path / "new" / "a.json", {"a": 1})
    assert read_json(tmp_path / "new" / "a.json") == {"a": 1}
    (tmp_path / "b.json").write_text("[1]")
    (tmp_path / "c.json").write_text('{"a"')
    assert [read_json(tmp_path / name) for name in ("b.json", "c.json", "d.json")] == [None] * 3
    write_json(tmp_path / "b.json" / "below.json", {})


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path / "encoders"


def test_the_default_cache_is_the_users(tmp_path):
    code = "from lookalike.encoders.conversion_cache import cache_folder; print(cache_folder())"
    environ = {name: value for name, value in os.environ.items() if name != "LOOKALIKE_CACHE"}
    environ |= {"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(tmp_path)
    assert "lookalike" in done.stdout
