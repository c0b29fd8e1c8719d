"""What an index is said to take, against what building it takes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest

from lookalike.errors import BackendMissingError, IndexTooLargeError
from lookalike.indexes import footprint
from lookalike.indexes.base import Footprint
from lookalike.indexes.footprint import check_room, footprint_of
from lookalike.indexes.tuning import Goal, Tuner
from lookalike.metric import Metric

ROWS, DIM = 60_000, 256
SPECS = [
    "ivfpq:lists=64,subquantizers=64",
    "hnsw:m=4",
    "sq8",
    "faiss:IVF64,SQ8",
    "lsh",
    "lsh:bits=20,tables=10",
    "scann:num_leaves=50",
    "lance:partitions=40",
    "pca:32/exact",
]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    rows = np.random.default_rng(0).standard_normal((ROWS, DIM), dtype=np.float32)
    path = tmp_path_factory.mktemp("rows") / "rows.f32"
    rows.tofile(path)
    return path


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells memory from mapped files")
@pytest.mark.parametrize("spec", SPECS)
def test_it_bounds_what_is_taken_and_is_within_twice_that(rows, spec):
    said = footprint_of(spec, np.memmap(rows, np.float32, "r", shape=(ROWS, DIM)), metric=Metric.COSINE)
    done = subprocess.run(
        [sys.executable, "-m", "tests.indexes.building_probe", spec, rows, str(ROWS), str(DIM)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    taken = json.loads(done.stdout.splitlines()[-1])
    for what in ("memory", "disk"):
        assert taken[what] <= asdict(said)[what] <= 2 * taken[what], (what, said, taken)


def test_exact_search_builds_nothing():
    assert footprint_of("exact", np.zeros((10, 4), np.float32), metric=Metric.COSINE) == Footprint(0, 0)


def test_a_projection_that_depends_on_the_rows_is_taken_to_keep_all_dimensions():
    rows = np.broadcast_to(np.float32(0), (1_000_000, 1_000))
    of = {
        spec: footprint_of(f"{spec}/exact", rows, metric=Metric.COSINE) for spec in ("rp:eps=0.5", "rp:700", "rp:1000")
    }
    assert of["rp:700"].disk < of["rp:eps=0.5"].disk == of["rp:1000"].disk


@pytest.mark.parametrize("spec", ["ivfpq", "hnsw", "sq8", "lsh", "lance", "scann", "faiss:IVF65536_HNSW32,PQ64x4fs"])
def test_a_hundred_million_rows_are_told_of_at_once(spec):
    rows = np.broadcast_to(np.float32(0), (100_000_000, 1_280))
    try:
        said = footprint_of(spec, rows, metric=Metric.COSINE)
    except BackendMissingError:
        pytest.skip("its library is not installed")
    assert said.disk > 100_000_000 * 32
    assert said.memory > 500 << 20


def test_what_does_not_fit_is_refused_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(footprint, "available_memory", lambda: 2_000_000_000)
    check_room("sq8", 10, Footprint(1_999_999_999, 1), tmp_path)
    with pytest.raises(IndexTooLargeError) as caught:
        check_room("hnsw", 12_345, Footprint(3_500_000_000, 1), tmp_path)
    assert str(caught.value) == (
        "the index hnsw over 12,345 rows takes up to 3.50 GB of memory to build, and 2.00 GB are free; "
        "free some, or choose a smaller one, such as sq8, or exact"
    )
    with pytest.raises(IndexTooLargeError, match="of disk to build"):
        check_room("hnsw", 12_345, Footprint(1, 1 << 60), tmp_path)
    monkeypatch.setattr(footprint, "available_memory", lambda: None)
    check_room("hnsw", 12_345, Footprint(1 << 60, 1 << 60))


def test_a_choice_leaves_out_what_does_not_fit(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(3_000, 32)).astype(np.float32)
    needs = {spec: footprint_of(spec, rows, metric=Metric.COSINE).memory for spec in ("hnsw", "sq8")}
    assert needs["sq8"] < needs["hnsw"]
    monkeypatch.setattr(footprint, "available_memory", lambda: needs["hnsw"] - 1)
    said = []
    found = Tuner(rows, goal=Goal(0.5), report=said.append).choose(["hnsw", "sq8"])
    assert str(found.index.spec) == "sq8"
    assert any("the index hnsw over 3,000 rows takes up to" in line for line in said)
    with pytest.raises(IndexTooLargeError):
        Tuner(rows).choose(["hnsw"])
