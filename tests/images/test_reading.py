"""Only regular files of an allowed size are read."""

from __future__ import annotations

import os

import pytest

from lookalike.errors import ImageDecodeError, SourceError
from lookalike.images.limits import Limits
from lookalike.images.reading import read_picture


def test_reads_a_file_and_follows_links(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"bytes")
    (tmp_path / "link.jpg").symlink_to(path)
    assert read_picture(path, Limits()) == read_picture(tmp_path / "link.jpg", Limits()) == b"bytes"


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "hole.jpg"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ImageDecodeError, match="--max-bytes"):
        read_picture(path, Limits())


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(SourceError, match="no regular file"):
        read_picture(tmp_path / "pipe.jpg", Limits())
