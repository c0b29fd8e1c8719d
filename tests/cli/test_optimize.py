from __future__ import annotations

import numpy as np
import pytest

from tests.cli.command import lookalike, lookalike_json, mistake


@pytest.fixture
def folder(tmp_path):
    rows = np.random.default_rng(0).normal(size=(600, 16)).astype(np.float32)
    np.save(tmp_path / "e.npy", rows)
    lookalike("index", "e.npy", "--index", "hnsw", cwd=tmp_path)
    np.save(tmp_path / "f.npy", rows[:3] + 5)
    lookalike("index", "f.npy", cwd=tmp_path)
    return tmp_path


def test_the_index_takes_in_the_rows_that_came_after_it(folder):
    found = lookalike_json("optimize", cwd=folder)
    assert set(found) == {"index", "rows", "recall", "seconds", "bytes"}
    assert (found["index"], found["rows"]) == ("hnsw", 603)
    assert 0 < found["recall"] <= 1
    assert found["bytes"] > 603 * 16 * 2  # HNSW over halves
    searched = lookalike_json("search", "id:f.npy#1", "-k", 2, cwd=folder)
    assert (searched["index"], searched["recall"]) == ("hnsw", found["recall"])
    assert {hit["id"] for hit in searched["hits"]} == {"f.npy#0", "f.npy#2"}


def test_people_are_told_what_is_done(folder):
    done = lookalike("optimize", cwd=folder)
    assert done.stdout == ""
    assert "building the index hnsw over 603 rows" in done.stderr
    assert "hnsw over 603 images, recall" in done.stderr.splitlines()[-1]
    assert "building" not in lookalike("optimize", cwd=folder).stderr


def test_without_a_gallery_there_is_a_sentence(tmp_path):
    assert "lookalike index" in mistake("optimize", cwd=tmp_path)
