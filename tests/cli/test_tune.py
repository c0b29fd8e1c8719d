from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from tests.cli.command import lookalike, lookalike_json, mistake


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A gallery of 3,000 embeddings in loose groups."""
    folder = tmp_path_factory.mktemp("tuned")
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(30, 24))
    rows = centres[rng.integers(0, 30, 3_000)] + 0.5 * rng.normal(size=(3_000, 24))
    np.save(folder / "e.npy", rows.astype(np.float32))
    lookalike("index", "e.npy", cwd=folder)
    return folder


def search(folder):
    return lookalike_json("search", "id:e.npy#7", "-k", 5, cwd=folder)


def test_a_recall_is_reached_and_searches_tell_it(folder):
    lookalike("index", "e.npy", "--index", "exact", cwd=folder)
    exact = search(folder)
    assert (exact["exact"], exact["index"], exact["recall"]) == (True, "exact", 1.0)
    found = lookalike_json("tune", "--recall", 0.9, "--index", "hnsw", "--index", "faiss:IVF32,SQ8", cwd=folder)
    assert found["reaches"]
    assert 0.9 <= found["recall"] <= 1
    assert found["index"] in ("hnsw", "faiss:IVF32,SQ8")
    tuned = search(folder)
    assert (tuned["exact"], tuned["index"], tuned["recall"]) == (False, found["index"], found["recall"])
    assert len({hit["id"] for hit in tuned["hits"]} & {hit["id"] for hit in exact["hits"]}) >= 3
    lookalike_json("tune", cwd=folder)
    assert search(folder)["exact"]  # so small a gallery is searched exactly unless an index is named


def test_an_index_is_chosen_when_indexing_and_stays(folder):
    lookalike("index", "e.npy", "--index", "lsh:bits=8,tables=10", cwd=folder)
    assert search(folder)["index"] == "lsh:bits=8,tables=10"
    lookalike("index", "e.npy", cwd=folder)
    assert search(folder)["index"] == "lsh:bits=8,tables=10"
    lookalike("index", "e.npy", "--index", "exact", cwd=folder)
    assert search(folder)["exact"]


def test_what_cannot_be_reached_is_said(folder):
    options = ["--index", "hnsw", "--memory", "0.001"]
    done = lookalike("tune", *options, cwd=folder, code=1)
    assert "nearest to what was asked for" in done.stderr
    assert not lookalike_json("tune", *options, cwd=folder, code=1)["reaches"]


def test_what_it_takes_is_told_before_it_is_built(folder):
    done = lookalike("tune", "--index", "hnsw", "--recall", "0.5", "--json", cwd=folder)
    said = json.loads(done.stdout)["footprint"]
    assert said["memory"] > said["disk"] > 3_000 * 24 * 2
    line = (
        f"over 3,000 rows, with up to {said['memory'] / 1e9:.2f} GB of memory and {said['disk'] / 1e9:.2f} GB of disk"
    )
    assert f"building the index hnsw {line}" in done.stderr


def test_a_benchmark_leaves_the_index_of_the_gallery_alone(folder):
    lookalike("tune", "--index", "faiss:IVF32,SQ8", cwd=folder)
    found = lookalike_json("benchmark", "--index", "exact", "--index", "lance:partitions=4", cwd=folder)
    assert {row["index"] for row in found} == {"exact", "lance:partitions=4"}
    assert search(folder)["index"] == "faiss:IVF32,SQ8"


def test_indexes_are_compared_and_drawn(folder):
    options = ["--index", "exact", "--index", "faiss:IVF32,Flat", "--plot", "plot.png"]
    found = lookalike_json("benchmark", *options, cwd=folder)
    assert found[0]["index"] == "exact"
    assert found[0]["recall"] == 1.0
    assert {"index", "params", "recall", "queries_per_second", "latency_ms", "build_seconds", "bytes"} == {*found[0]}
    with Image.open(folder / "plot.png") as picture:
        assert picture.width > 500
    rows = lookalike("benchmark", *options[:4], cwd=folder).stdout.splitlines()
    assert [row.split("\t")[0] for row in rows] == ["exact", "faiss:IVF32,Flat"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tune", "--recall", "1.2"], ["recall", "at most 1"]),
        (["tune", "--index", "hnws"], ["hnws", "did you mean 'hnsw'"]),
        (["benchmark", "--index", "hnws"], ["hnws", "did you mean 'hnsw'"]),
        (["benchmark", "--plot", "plot.pdf"], [".png"]),
        (["index", "e.npy", "--index", "exact:fast"], ["exact", "no options"]),
    ],
)
def test_a_mistake_is_one_sentence(folder, arguments, words):
    sentence = mistake(*arguments, cwd=folder)
    for word in words:
        assert word in sentence


def test_an_empty_gallery_has_nothing_to_tune(tmp_path):
    assert "lookalike index" in mistake("tune", cwd=tmp_path)
    assert json.loads(lookalike("tune", "--json", cwd=tmp_path, code=2).stdout)["error"]["message"]
