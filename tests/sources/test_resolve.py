from __future__ import annotations

import os
from pathlib import Path

import pytest

from lookalike.errors import InputError, SourceError
from lookalike.sources.files import FilesSource
from lookalike.sources.folder import FolderSource
from lookalike.sources.resolve import open_source
from tests.sources.trees import ids, picture, plant

TREE = ["a/1.png", "a/2.jpg", "b/3.png", "photo [1].png"]


@pytest.fixture
def tree(tmp_path, monkeypatch):
    plant(tmp_path, TREE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("spec", "listed"),
    [
        ("a", ["a/1.png", "a/2.jpg"]),
        ("a/", ["a/1.png", "a/2.jpg"]),
        (Path("b"), ["b/3.png"]),
        ("a/1.png", ["a/1.png"]),
        (Path("a/1.png"), ["a/1.png"]),
        ("*/*.png", ["a/1.png", "b/3.png"]),
        ("photo [1].png", ["photo [1].png"]),
        (["b", "a/1.png"], ["b/3.png", "a/1.png"]),
        (["a/2.jpg", "a/1.png", "a/2.jpg"], ["a/2.jpg", "a/1.png"]),
        (("a", "a/1.png", "*/*.png"), ["a/1.png", "a/2.jpg", "b/3.png"]),
        ([["b"], ["a"]], ["b/3.png", "a/1.png", "a/2.jpg"]),
    ],
)
def test_what_is_named_is_listed_and_read(tree, spec, listed):
    source = open_source(spec, base=tree)
    refs = list(source)
    assert [ref.id for ref in refs] == listed
    for ref in refs:
        assert source.read(ref) == picture(TREE.index(ref.id))
        assert source.covers(ref.id)
    assert not source.covers("elsewhere/1.gif")
    assert source.uri


def test_a_file_uri_and_the_home_folder_are_paths(tree, monkeypatch):
    monkeypatch.setenv("HOME", str(tree))
    assert ids(open_source(f"file://{tree}/photo%20%5B1%5D.png", base=tree)) == ["photo [1].png"]
    assert ids(open_source("~/b", base=tree)) == ["b/3.png"]
    plant(tree, ["~draft.png"])
    assert ids(open_source("~draft.png", base=tree)) == ["~draft.png"]


def test_many_files_are_one_source(tree):
    source = open_source(["a/1.png", Path("a/2.jpg")], base=tree)
    assert isinstance(source, FilesSource)


def test_a_source_is_taken_as_it_is(tree):
    source = FolderSource(tree / "a", base=tree)
    assert open_source(source, base=tree) is source
    assert ids(open_source([source, "b"], base=tree)) == ["a/1.png", "a/2.jpg", "b/3.png"]


def test_what_could_not_be_entered_is_told_of_a_list(tree):
    (tree / "a" / "disk").symlink_to(tree / "unmounted")
    source = open_source(["a", "b", "photo [1].png"], base=tree)
    assert len(ids(source)) == 4
    assert source.unreadable == [str(tree / "a" / "disk")]
    assert not source.covers("a/disk/1.png")


def test_a_list_reads_only_what_it_lists(tree):
    source = open_source(["a", "photo [1].png"], base=tree)
    (foreign,) = FolderSource(tree / "b", base=tree)
    with pytest.raises(SourceError, match="none of these sources lists it"):
        source.read(foreign)


def test_a_dataset_and_a_folder_in_a_list(tree):
    datasets = pytest.importorskip("datasets", reason="needs the extra hf")
    rows = datasets.Dataset.from_dict({"image": [picture(7)]})
    source = open_source([rows, "a/1.png", "b"], base=tree)
    assert {ref.id: source.read(ref) for ref in source} == {
        "dataset/train/0": picture(7),
        "a/1.png": picture(0),
        "b/3.png": picture(2),
    }


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("s3://bucket/x.parquet", "tables and archives are read from disk; download it"),
        ("https://host/x.parquet", "tables and archives are read from disk; download it"),
        ("https://host/x.tar?a=1", "tables and archives are read from disk; download it"),
        ("old.zip", "is a packed archive, .*; unpack it and name the folder"),
        (["a", "old.zip"], "is a packed archive"),
    ],
)
def test_what_is_not_read_says_what_is(tree, spec, reason):
    (tree / "old.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match=reason):
        open_source(spec, base=tree)


def test_tables_and_lists_and_urls_are_told_by_their_names(tree):
    (tree / "table.CSV").write_text("path,n\na/1.png,5\n")
    (tree / "list.txt").write_text("b/3.png\n")
    for spec in ("table.CSV", Path("table.CSV"), ["table.CSV"], "*.CSV", "table.CSV#path"):
        (ref,) = open_source(spec, base=tree)
        assert (ref.id, ref.attributes["n"]) == ("a/1.png", 5)
    assert ids(open_source(["list.txt", "table.CSV", "https://host/1.jpg"], base=tree)) == [
        *("b/3.png", "a/1.png", "https://host/1.jpg")
    ]
    for spec in ("*.parquet", "no/*.tar"):
        with pytest.raises(SourceError, match="matches no files"):
            open_source(spec, base=tree)
    with pytest.raises(SourceError, match=r"table\.csv#path: there is no such file"):
        open_source("no/table.csv#path", base=tree)


@pytest.mark.parametrize("spec", ["", "  ", [], 17, None, b"a", {"a": 1}])
def test_nothing_and_anything_else_is_refused_in_a_sentence(tree, spec):
    with pytest.raises(InputError, match="name a folder, image files"):
        open_source(spec, base=tree)


def test_a_missing_path_is_named_with_a_similar_one(tree):
    with pytest.raises(SourceError, match=r"a/1\.pgn: there is no such file or folder; did you mean .*a/1\.png\?"):
        open_source("a/1.pgn", base=tree)
    with pytest.raises(SourceError, match="there is no such file or folder"):
        open_source(["a", Path("nowhere")], base=tree)
    with pytest.raises(SourceError, match=r"^a{60}\.\.\.: no file has so long a name; check the path$"):
        open_source("a" * 5000, base=tree)


def test_a_pattern_may_be_longer_than_a_name_can_be(tree):
    names = ",".join(f"{number:020}" for number in range(20))
    with pytest.raises(SourceError, match="it names 20 files, and none of them is there"):
        open_source(f"{{{names}}}.tar", base=tree)
    anything = "[" + "".join(map(chr, range(0x100, 0x200))) + "1]"
    assert ids(open_source(f"a/{anything}*.png", base=tree)) == ids(open_source("a/1*.png", base=tree)) != []


def test_a_pipe_that_is_named_is_refused_unopened(tree):
    os.mkfifo(tree / "pipe.jpg")
    for spec in ("pipe.jpg", ["pipe.jpg"], Path("pipe.jpg")):
        with pytest.raises(SourceError, match="it is neither a file nor a folder"):
            open_source(spec, base=tree)


def test_two_data_sets_of_one_name_are_refused():
    datasets = pytest.importorskip("datasets", reason="needs the extra hf")
    rows = datasets.Dataset.from_dict({"image": ["a.png", "b.png"]})
    with pytest.raises(InputError, match="could not be told apart"):
        open_source([rows, rows.select([0])], base=Path.cwd())
