from __future__ import annotations

import os

import pytest

from lookalike.errors import SourceError
from lookalike.sources.files import FilesSource
from tests.sources.trees import ids, picture, plant


def test_files_are_listed_as_named_whatever_their_suffix(tmp_path):
    plant(tmp_path, ["b.png", "a.dat", ".hidden"])
    names = [tmp_path / name for name in ("b.png", "a.dat", ".hidden", "b.png")]
    source = FilesSource(names, base=tmp_path)
    assert ids(source) == ["b.png", "a.dat", ".hidden"]
    assert [source.read(ref) for ref in source] == [picture(shade) for shade in range(3)]
    assert source.uri == "4 files"
    assert FilesSource(names[:1], base=tmp_path).uri == str(tmp_path / "b.png")


def test_it_covers_exactly_its_files(tmp_path):
    plant(tmp_path, ["b.png", "c.png"])
    source = FilesSource([tmp_path / "b.png"], base=tmp_path)
    assert source.covers("b.png")
    assert not source.covers("c.png")


def test_a_missing_file_is_named(tmp_path):
    plant(tmp_path, ["beach.jpg"])
    with pytest.raises(SourceError, match=r"baech\.jpg: there is no such file or folder; did you mean .*beach\.jpg\?"):
        list(FilesSource([tmp_path / "baech.jpg"], base=tmp_path))


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(SourceError, match="not a regular file"):
        list(FilesSource([tmp_path / "pipe.jpg"], base=tmp_path))
