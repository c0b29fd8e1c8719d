from __future__ import annotations

import numpy as np
import pytest

from lookalike.errors import InputError, UnknownNameError
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.tuning import Goal, Tuner
from lookalike.metric import Metric


@pytest.fixture(scope="module")
def vectors():
    """Rows in loose groups, as embeddings are."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(60, 32))
    return (centres[rng.integers(0, 60, 4_000)] + 0.7 * rng.normal(size=(4_000, 32))).astype(np.float32)


def recall_of(tuned, vectors, metric, k=10):
    """Count true neighbours by sorting all scores, for rows that the tuner need not have asked with."""
    rows = np.arange(0, len(vectors), 40)
    found = tuned.index.search(vectors[rows], k + 1, parameters=tuned.parameters).positions
    hits = 0
    for row, positions in zip(rows, found, strict=True):
        if metric is Metric.L2:
            scores = -np.linalg.norm(vectors - vectors[row], axis=1)
        else:
            scores = vectors @ vectors[row] / (np.linalg.norm(vectors, axis=1) if metric is Metric.COSINE else 1)
        scores[row] = -np.inf
        hits += len(set(np.argsort(-scores)[:k]) & (set(positions) - {row}))
    return hits / (k * len(rows))


@pytest.mark.parametrize("spec", ["lsh:bits=10,tables=6", "faiss:IVF64,Flat", "hnsw:m=8", "pca:16/faiss:IVF64,SQ8"])
@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.L2])
def test_the_recall_that_was_asked_for_is_reached_and_measured(vectors, spec, metric):
    tuned = Tuner(vectors, metric, Goal(recall=0.9)).tune(spec)
    assert tuned.reaches
    assert tuned.recall >= 0.9
    assert recall_of(tuned, vectors, metric) == pytest.approx(tuned.recall, abs=0.03)
    assert tuned.to_dict()["index"] == spec


def test_a_higher_recall_takes_more_probes(vectors):
    tuners = [Tuner(vectors, goal=Goal(recall=recall)) for recall in (0.5, 0.99)]
    few, many = (tuner.tune("faiss:IVF64,Flat").parameters["nprobe"] for tuner in tuners)
    assert few < many


def test_exact_search_is_chosen_while_it_is_fast_enough(vectors):
    tuned = Tuner(vectors).choose()
    assert isinstance(tuned.index, ExactIndex)
    assert (tuned.recall, tuned.reaches) == (1.0, True)


def test_an_index_is_chosen_within_a_budget_of_memory(vectors):
    goal = Goal(recall=0.9, nbytes=32 * len(vectors))
    tuned = Tuner(vectors, goal=goal).choose(["faiss:Flat", "faiss:IVF64,PQ16x4fs"])
    assert tuned.index.nbytes <= goal.nbytes
    assert str(tuned.index.spec) == "faiss:IVF64,PQ16x4fs"


def test_what_cannot_be_reached_is_said(vectors):
    tuned = Tuner(vectors, goal=Goal(recall=0.9, seconds=1e-9)).choose(["faiss:IVF64,Flat"])
    assert not tuned.reaches
    assert tuned.recall > 0.9


@pytest.mark.parametrize("goal", [{"recall": 0.0}, {"recall": 1.5}, {"k": 0}])
def test_a_goal_that_makes_no_sense_is_refused(goal):
    with pytest.raises(InputError, match=r"recall|k must"):
        Goal(**goal)


def test_an_unknown_index_is_refused(vectors):
    with pytest.raises(UnknownNameError, match="hnsw"):
        Tuner(vectors).tune("hnws")


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_few_rows_are_enough(vectors, rows):
    tuned = Tuner(vectors[:rows]).tune("hnsw")
    assert tuned.recall == 1.0
