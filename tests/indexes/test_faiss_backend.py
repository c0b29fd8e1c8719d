"""FAISS behind the frame: its parameters, files and growth."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.indexes.building import build_index, load_index
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.faiss_library import faiss
from lookalike.indexes.scoring import WideQueries
from lookalike.metric import Metric
from lookalike.testing.index_contract import mixture


@pytest.fixture(scope="module")
def rows():
    return mixture(3_000, 16, seed=1)


@pytest.fixture(scope="module")
def queries():
    return mixture(40, 16, seed=2)


def proposed(index, queries, count=10, allowed=None, **parameters):
    values = {**index.parameters, **parameters}
    return index.backend.propose(
        index._preparation.queries(WideQueries.of(queries)), count, allowed=allowed, parameters=values
    )


@pytest.mark.parametrize(
    ("spec", "parameters"),
    [
        ("faiss:Flat", {"oversample"}),
        ("faiss:IVF16,Flat", {"oversample", "nprobe"}),
        ("faiss:HNSW16", {"oversample", "efSearch"}),
        ("faiss:PCA8,IVF16,SQ8,RFlat", {"oversample", "nprobe", "k_factor"}),
        ("faiss:IVF16_HNSW8,Flat", {"oversample", "nprobe"}),
        ("faiss", {"oversample", "nprobe", "k_factor"}),
        ("ivfpq", {"oversample", "nprobe", "k_factor"}),
        ("hnsw", {"oversample", "efSearch"}),
        ("sq8", {"oversample"}),
    ],
)
def test_a_search_may_be_given_what_the_structure_has(rows, spec, parameters):
    assert set(build_index(spec, rows).parameters) == parameters


@pytest.mark.parametrize(
    ("spec", "name", "values"),
    [
        ("faiss:IVF64,Flat", "nprobe", (1, 2, 64)),
        ("faiss:PCA12,IVF64,SQ8,RFlat", "nprobe", (1, 2, 64)),
        ("faiss:IVF64_HNSW8,Flat", "nprobe", (1, 2, 64)),
        ("faiss:HNSW4", "efSearch", (10, 25, 300)),
        ("faiss:SQ4,RFlat", "k_factor", (1, 2, 50)),
    ],
)
def test_more_effort_in_one_search_finds_more(rows, queries, spec, name, values):
    index = build_index(spec, rows)
    truth = ExactIndex(rows).search(queries, 10).positions
    recalls = []
    for value in (*values, values[0]):
        found = proposed(index, queries, **{name: value})
        recalls.append(np.mean([np.isin(t, f).mean() for t, f in zip(truth, found, strict=True)]))
    assert recalls[0] == recalls[3] < recalls[1] <= recalls[2]
    assert recalls[2] > 0.97


def test_defaults_may_be_said_in_the_spec(rows):
    index = build_index("ivfpq:lists=16,nprobe=3,k_factor=2.5", rows)
    assert index.parameters == {"oversample": 1, "nprobe": 3, "k_factor": 2.5}


@pytest.mark.parametrize("spec", ["faiss:IVF16,PQ8x4fs,Refine(SQfp16)", "hnsw", "sq8", "faiss:IVF16,Flat"])
def test_a_filter_is_handed_down(rows, queries, spec):
    index = build_index(spec, rows)
    assert index.backend.can_filter
    allowed = np.arange(3_000) % 3 == 1
    found = proposed(index, queries, allowed=allowed)
    assert allowed[found[found >= 0]].all()
    assert (found >= 0).sum() > 0.9 * found.size


def test_a_structure_without_filters_is_known_as_one(rows):
    assert not build_index("faiss:PQ8x4fs", rows).backend.can_filter


@pytest.mark.parametrize("metric", list(Metric))
def test_the_proposals_of_a_flat_index_are_the_nearest(rows, queries, metric):
    truth = ExactIndex(rows, metric=metric).search(queries, 10).positions
    np.testing.assert_array_equal(proposed(build_index("faiss:Flat", rows, metric=metric), queries), truth)


def test_training_takes_the_seed(rows):
    def centroids(seed):
        big = np.tile(rows, (23, 1)) + np.random.default_rng(0).normal(size=(69_000, 16)).astype(np.float32)
        index = build_index("faiss:IVF4,Flat", big, seed=seed).backend._index
        return index.quantizer.reconstruct_n(0, 4)

    first, again, other = (centroids(seed) for seed in (1, 1, 2))
    np.testing.assert_allclose(first, again, atol=1e-4)
    assert np.abs(first - other).max() > 1e-4


@pytest.mark.parametrize("spec", ["hnsw", "sq8", "ivfpq:lists=16", "faiss:Flat"])
def test_a_loaded_index_is_mapped_and_grows_all_the_same(rows, queries, tmp_path, spec):
    index = build_index(spec, rows[:2_500])
    index.save(tmp_path / "index")
    loaded = load_index(tmp_path / "index", rows[:2_500])
    assert loaded.details == index.details
    assert loaded.nbytes == index.nbytes > 0
    before = (tmp_path / "index" / "backend" / "index.faiss").read_bytes()
    loaded.insert(rows[2_500:])
    found = loaded.search(rows[2_500:], 10)
    assert (found.positions == np.arange(2_500, 3_000)[:, None]).any(axis=1).mean() > 0.95
    assert (tmp_path / "index" / "backend" / "index.faiss").read_bytes() == before
    loaded.save(tmp_path / "grown")
    again = load_index(tmp_path / "grown", rows)
    np.testing.assert_array_equal(again.search(queries, 5).positions, loaded.search(queries, 5).positions)


MEMORY = """
import re, sys
from pathlib import Path
import numpy as np
from lookalike.indexes.building import build_index, load_index
rows = np.load(sys.argv[2], mmap_mode="r")
def resident():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
build_index("faiss:IVF1,SQ8", np.eye(16, 256, dtype=np.float32)).search(np.ones((1, 256)), 3)  # loads the library
before = resident()
index = load_index(Path(sys.argv[1]), rows)
index.search(np.array(rows[:1]), 3)
print(resident() - before, index.nbytes // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.machine
def test_a_loaded_index_does_not_fill_the_memory(tmp_path):
    if not hasattr(faiss, "IO_FLAG_MMAP_IFC"):
        pytest.skip("this FAISS maps lists alone")
    rows = np.tile(mixture(4_000, 256, seed=1), (15, 1))
    np.save(tmp_path / "rows.npy", rows)
    build_index("faiss:IVF16,SQ8", rows).save(tmp_path / "index")
    command = [sys.executable, "-c", MEMORY, str(tmp_path / "index"), str(tmp_path / "rows.npy")]
    grown, size = map(int, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    assert size > 14_000
    assert grown < size / 2


def test_a_structure_that_cannot_grow_says_so(rows):
    index = build_index("faiss:NSG16", rows[:1_000])
    with pytest.raises(InputError, match="FAISS cannot add rows to NSG16"):
        index.insert(rows[1_000:])
    assert len(index) == 1_000


def test_nothing_is_printed_about_small_galleries(rows, capfd):
    build_index("ivfpq:lists=100", rows)
    assert capfd.readouterr() == ("", "")


def test_a_file_that_cannot_be_written_is_an_os_error(rows, tmp_path):
    index = build_index("sq8", rows)
    with pytest.raises(OSError, match="could not open"):
        index.backend.save(tmp_path / "no such folder")
