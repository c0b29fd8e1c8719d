from __future__ import annotations

import io
import os

import pytest

from lookalike.errors import SourceError
from lookalike.sources.lists import list_source, standard_input_source
from lookalike.sources.resolve import open_source
from tests.sources.trees import ids, picture, plant


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        (b"a/1.png\nb.png\n", ["a/1.png", "b.png"]),
        (b"b.png", ["b.png"]),
        (b"\xef\xbb\xbfb.png\r\n\r\n  \na/1.png\r\n", ["b.png", "a/1.png"]),
        (b"b.png\0a/1.png\0", ["b.png", "a/1.png"]),
        (b"b\nc.png\0b.png", ["b\nc.png", "b.png"]),
        (b" b.png \n#c.png\n", [" b.png ", "#c.png"]),
        (b"http://a/1.png\nb.png", ["http://a/1.png", "b.png"]),
        (b"\xff.png\n", ["file:%FF.png"]),
    ],
)
def test_lines_are_paths_and_urls(tmp_path, monkeypatch, text, listed):
    plant(tmp_path, ["a/1.png", "b.png"])
    (tmp_path / "list.txt").write_bytes(text)
    assert ids(list_source(tmp_path / "list.txt", base=tmp_path)) == listed
    monkeypatch.chdir(tmp_path)
    source = standard_input_source(io.BytesIO(text), base=tmp_path)
    assert ids(source) == listed
    assert ids(source) == listed, "a listing is repeatable"
    assert source.uri == "standard input"


def test_paths_in_a_file_are_relative_to_its_folder(tmp_path):
    plant(tmp_path, ["in/a/1.png", "b.png"])
    (tmp_path / "in" / "list.lst").write_text("a/1.png\n../b.png\n")
    source = open_source(tmp_path / "in" / "list.lst", base=tmp_path)
    assert {ref.id: source.read(ref) for ref in source} == {"in/a/1.png": picture(0), "b.png": picture(1)}
    assert source.uri == str(tmp_path / "in" / "list.lst")


def test_standard_input_is_named_by_a_dash(tmp_path, monkeypatch):
    plant(tmp_path, ["1.png", "2.png"])
    monkeypatch.chdir(tmp_path)
    for spec in ("-", ["-"], ["-", "2.png"]):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"1.png\n")))
        source = open_source(spec, base=tmp_path)
        assert ids(source) == (["1.png", "2.png"] if len(spec) == 2 else ["1.png"])
        assert [source.read(ref) for ref in source] == [picture(0), picture(1)][: len(ids(source))]


def test_a_long_list_is_read_in_blocks_by_several_at_once(tmp_path):
    names = [f"{'x' * (number % 90)}{number}.png" for number in range(60_000)]
    source = standard_input_source(io.BytesIO("\n".join(names).encode()), base=tmp_path)
    first, second = iter(source), iter(source)
    for number, name in enumerate(names):
        assert next(first).uri == os.path.abspath(name)  # noqa: PTH100 - as it is listed
        if number % 2 == 0:
            assert next(second).uri == os.path.abspath(names[number // 2])  # noqa: PTH100


def test_what_is_no_list_is_refused(tmp_path):
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(SourceError, match="the list is empty"):
        list(list_source(tmp_path / "empty.txt", base=tmp_path))
    (tmp_path / "binary.txt").write_bytes(b"x" * 3_000_000)
    with pytest.raises(SourceError, match=r"binary\.txt: it is no list of paths or URLs, one a line"):
        list(list_source(tmp_path / "binary.txt", base=tmp_path))
    with pytest.raises(SourceError, match=r"gone\.txt: No such file"):
        list(list_source(tmp_path / "gone.txt", base=tmp_path))
