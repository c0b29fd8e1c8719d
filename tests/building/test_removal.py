"""What is named leaves the gallery for good, and nothing else does."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import lookalike
from lookalike.errors import InputError, StoreMissingError
from tests.toys import ToyEncoder, plant


@pytest.fixture
def gallery(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plant(tmp_path / "a", range(4))
    plant(tmp_path / "b", range(10, 14))
    (tmp_path / "a" / "bad.png").write_bytes(b"junk")
    (tmp_path / "b" / "bad.png").write_bytes(b"junk")
    gallery = lookalike.open(tmp_path, encoder=ToyEncoder())
    gallery.add([tmp_path / "a", tmp_path / "b"])
    return gallery


def held(gallery):
    return sorted(gallery.search(np.ones(12), k=99).ids), [item.id for item in gallery.failures()]


A = [f"a/{n:04d}.png" for n in range(4)]
B = [f"b/{n:04d}.png" for n in range(10, 14)]


def test_a_folder_that_is_gone_leaves_with_its_failures(gallery, tmp_path):
    shutil.rmtree(tmp_path / "a")
    done = gallery.remove("a")
    assert (done.ids, done.removed, done.total) == (tuple(A), 4, 4)
    assert held(gallery) == (B, ["b/bad.png"])
    assert held(lookalike.open(tmp_path)) == (B, ["b/bad.png"])


def test_what_would_go_stays(gallery, tmp_path):
    before = gallery.store.version
    done = gallery.remove([tmp_path / "a", "id:b/0010.png"], dry_run=True)
    assert (done.ids, done.removed, done.total) == ((*A, "b/0010.png"), 0, 8)
    assert held(gallery) == (A + B, ["a/bad.png", "b/bad.png"])
    assert gallery.store.version == before


def test_missing_files_and_conditions(gallery, tmp_path):
    (tmp_path / "a" / "0001.png").unlink()
    (tmp_path / "a" / "bad.png").unlink()
    shutil.rmtree(tmp_path / "b")
    assert gallery.remove("a", missing=True).ids == ("a/0001.png",)
    assert held(gallery) == ([A[0], *A[2:], *B], ["b/bad.png"])
    assert gallery.remove(where="id like '%2.png'").ids == ("a/0002.png", "b/0012.png")
    assert gallery.remove(missing=True).removed == 3
    assert held(gallery) == ([A[0], A[3]], [])
    assert gallery.remove(missing=True).removed == 0
    assert gallery.remove(where="true").total == 0
    assert held(gallery) == ([], [])


def test_a_name_that_means_nothing_removes_nothing(gallery):
    with pytest.raises(InputError, match="'nothing'"):
        gallery.remove(["a", "nothing"])
    assert held(gallery)[0] == A + B


def test_what_is_there_comes_back_with_its_source_and_is_embedded_again(gallery, tmp_path):
    gallery.remove("a")
    encoder = ToyEncoder()
    report = lookalike.open(tmp_path, encoder=encoder).add(tmp_path / "a")
    assert (report.added, encoder.images) == (4, 4)


def test_without_a_gallery_it_says_how_to_make_one(tmp_path):
    with pytest.raises(StoreMissingError, match="lookalike index FOLDER"):
        lookalike.open(tmp_path / "none").remove("a")
    assert not (tmp_path / "none").exists()


def test_many_items_leave_at_once(tmp_path):
    from tests.search.galleries import empty_gallery, put

    store = empty_gallery(tmp_path)
    put(store, {f"a/{n}": [n, 1, 0, 0] for n in range(5_000)})
    put(store, {f"b/{n}": [n, 1, 0, 0] for n in range(10)})
    gallery = lookalike.open(tmp_path)
    assert gallery.remove(tmp_path / "a").removed == 5_000
    assert sorted(gallery.search(np.ones(4), k=99).ids) == [f"b/{n}" for n in range(10)]
