"""An index whose parameters were found, as the gallery grows past the number of rows they were found for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lookalike.api.tuning import tune_gallery
from lookalike.indexes.tuning import Goal
from lookalike.search.index_plan import IndexPlan, plan_of
from lookalike.search.searcher import Searcher
from lookalike.search.upkeep import index_in_use, renew
from tests.search.galleries import empty_gallery, record

DIM = 16


def add(store, count, *, seed, spread):
    """Add rows around forty centres, or, with a large spread, everywhere."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(40, DIM))
    rows = centres[rng.integers(0, 40, count)] + spread * rng.normal(size=(count, DIM))
    store.add([record(f"{seed}-{i}") for i in range(count)], rows.astype(np.float32))


def grown(store, count, *, seed, spread):
    add(store, count, seed=seed, spread=spread)
    said = []
    renew(store, said.append)
    return " / ".join(said)


@pytest.fixture
def tuned(tmp_path):
    """A gallery of 2,500 rows in tight groups, for which few lists have to be looked into."""
    store = empty_gallery(tmp_path, DIM)
    add(store, 2_500, seed=1, spread=0.05)
    found = tune_gallery(store, Goal(recall=0.95, k=5), specs=["faiss:IVF64,Flat"])
    assert found.reaches
    return store, found


def test_parameters_that_still_reach_the_recall_are_kept(tuned):
    store, found = tuned
    before = plan_of(store)
    assert (before.tuned_rows, before.k, dict(before.parameters)) == (2_500, 5, dict(found.parameters))
    said = grown(store, 2_200, seed=2, spread=0.05)
    assert "building the index faiss:IVF64,Flat over 4,700 rows" in said
    assert "finding" not in said
    assert plan_of(store) == before
    assert index_in_use(store)["recall"] >= 0.95


def test_a_recall_that_has_fallen_is_reached_again(tuned):
    store, found = tuned
    said = grown(store, 5_000, seed=2, spread=2.0)
    assert "recall has fallen to" in said
    plan = plan_of(store)
    assert (plan.spec, plan.tuned_rows) == ("faiss:IVF64,Flat", 7_500)
    assert plan.parameters["nprobe"] > found.parameters["nprobe"]
    assert index_in_use(store)["recall"] >= 0.95
    assert Searcher(store).method().recall >= 0.95


def test_four_times_the_rows_are_tuned_for_anew_even_if_the_recall_holds(tuned):
    store, _ = tuned
    wasteful = replace(plan_of(store), parameters={"nprobe": 64, "oversample": 2})
    store.describe(replace(store.manifest, index=wasteful.to_dict()))
    said = grown(store, 7_500, seed=2, spread=0.05)
    assert "finding the parameters of faiss:IVF64,Flat that reach a recall of 0.95" in said
    plan = plan_of(store)
    assert plan.tuned_rows == 10_000
    assert plan.parameters["nprobe"] < 64
    assert index_in_use(store)["recall"] >= 0.95


def test_an_index_that_was_named_without_a_goal_keeps_its_own_parameters(tmp_path):
    store = empty_gallery(tmp_path, DIM)
    store.describe(replace(store.manifest, index=IndexPlan("faiss:IVF64,Flat,nprobe=1").to_dict()))
    grown(store, 2_500, seed=1, spread=2.0)
    said = grown(store, 10_000, seed=2, spread=2.0)
    assert "finding" not in said
    assert "fallen" not in said
    assert index_in_use(store)["recall"] < 0.9
    assert plan_of(store).tuned_rows == 0


def test_an_index_of_a_plan_that_said_less_is_still_used(tuned):
    """A plan as it was noted before it knew k and the number of rows."""
    store, _ = tuned
    old = {"spec": "faiss:IVF64,Flat", "recall": 0.98, "parameters": {}}
    store.describe(replace(store.manifest, index=old))
    renew(store)
    path = next(store.location.indexes.rglob("ready.json"))
    import json

    about = json.loads(path.read_text())
    path.write_text(json.dumps({**about, "plan": old}))
    assert Searcher(store).method().index == "faiss:IVF64,Flat"
