from __future__ import annotations

import sys

import numpy as np
import pytest

from lookalike.errors import BackendMissingError, InputError, UnknownNameError
from lookalike.evaluation.ann import IndexBenchmark, best_of_each
from lookalike.indexes.faiss_library import faiss
from lookalike.metric import Metric


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(40, 24))
    return (centres[rng.integers(0, 40, 2_000)] + 0.7 * rng.normal(size=(2_000, 24))).astype(np.float32)


def test_every_index_is_measured_and_more_effort_finds_more(vectors):
    benchmark = IndexBenchmark(vectors, queries=100)
    found = list(benchmark.run(["exact", "faiss:IVF32,Flat", "lsh:bits=6,tables=4"]))
    by_index = {name: [row for row in found if row.index == name] for name in {row.index for row in found}}
    assert [row.recall for row in by_index.pop("exact")] == [1.0]
    for rows in by_index.values():
        assert len(rows) > 2
        recalls = [row.recall for row in rows]
        assert recalls == sorted(recalls)
        assert recalls[0] < recalls[-1]
    for row in found:
        assert row.queries_per_second > 0
        assert 0 < row.p50 <= row.p99
        assert row.nbytes > 0


def test_the_recall_is_that_of_a_count_of_true_neighbours(vectors):
    row = next(iter(IndexBenchmark(vectors, queries=2_000, k=5).run(["faiss:IVF32,Flat"])))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    index = faiss.index_factory(24, "IVF32,Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(unit)
    index.add(unit)
    index.nprobe = int(row.params["nprobe"])
    scores = unit @ unit.T
    np.fill_diagonal(scores, -np.inf)
    truth = np.argsort(-scores, axis=1)[:, :5]
    _, near = index.search(unit, 6)
    hits = sum(len(set(found) & set(true)) for found, true in zip(near.tolist(), truth.tolist(), strict=True))
    assert row.recall == pytest.approx(hits / truth.size, abs=0.02)


def test_the_best_of_each_is_the_fastest_that_reaches_the_recall(vectors):
    found = list(IndexBenchmark(vectors, queries=100).run(["exact", "faiss:IVF32,Flat"]))
    best = {row.index: row for row in best_of_each(found, 0.9)}
    rivals = [row for row in found if row.index == "faiss:IVF32,Flat" and row.recall >= 0.9]
    assert best["faiss:IVF32,Flat"].queries_per_second == max(row.queries_per_second for row in rivals)
    hopeless = best_of_each(rivals, 2.0)
    assert [row.recall for row in hopeless] == [max(row.recall for row in rivals)]


def test_what_is_named_and_unknown_is_an_error(vectors):
    with pytest.raises(UnknownNameError):
        list(IndexBenchmark(vectors).run(["hnws"]))
    with pytest.raises(InputError):
        list(IndexBenchmark(vectors, metric=Metric.L2).run(["usearch"]))


def test_what_is_not_installed_is_left_out_by_default(vectors):
    said = []
    found = list(IndexBenchmark(vectors[:300], queries=50, report=said.append).run())
    assert {"exact", "ivfpq", "hnsw", "sq8", "lsh"} <= {row.index for row in found}
    for name in ("scann", "hnswlib", "usearch"):
        assert name in {row.index for row in found} or any(f"{name} is left out" in text for text in said)


def test_another_library_takes_part_where_it_is_installed(vectors):
    name = "usearch"
    pytest.importorskip(name)
    found = list(IndexBenchmark(vectors, queries=100).run([name]))
    assert max(row.recall for row in found) > 0.95


def test_a_library_that_is_missing_is_named_with_the_remedy(vectors, monkeypatch):
    monkeypatch.setitem(sys.modules, "hnswlib", None)
    with pytest.raises(BackendMissingError, match=r"lookalike\[ann\]"):
        list(IndexBenchmark(vectors).run(["hnswlib"]))
