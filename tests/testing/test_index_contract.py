"""The contract notices an index that breaks it; that the built-in ones keep it is in tests/indexes."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.indexes.base import Neighbors
from lookalike.indexes.exact import ExactIndex
from lookalike.metric import Metric
from lookalike.testing.index_contract import CHECKS, IndexContract


class Wrapped:
    """An exact index with a fault."""

    is_exact = True

    def __init__(self, rows, metric):
        self.rows = rows
        self.exact = ExactIndex(rows, metric=metric)
        self.spec = self.exact.spec
        self.nbytes = self.exact.nbytes

    def __len__(self):
        return len(self.exact)

    def search(self, queries, k, allowed=None):
        return self.broken(self.exact.search(queries, k, allowed), queries)

    def broken(self, found, queries):
        return found

    def save(self, path):
        self.exact.save(path)


class Unsorted(Wrapped):
    def broken(self, found, queries):
        return Neighbors(found.positions[:, ::-1], found.scores[:, ::-1])


class Squared(Wrapped):
    def broken(self, found, queries):
        return Neighbors(found.positions, found.scores * 1.001)


class Repeating(Wrapped):
    def broken(self, found, queries):
        positions = found.positions.copy()
        positions[:, 1:2] = positions[:, :1]
        return Neighbors(positions, found.scores)


class Unfiltered(Wrapped):
    def search(self, queries, k, allowed=None):
        return self.exact.search(queries, k)


class Blind(Wrapped):
    def broken(self, found, queries):
        positions = np.tile(np.arange(found.positions.shape[1]), (len(found.positions), 1))
        return ExactIndex(self.rows[: positions.shape[1]], metric=self.spec.metric).search(queries, positions.shape[1])


class Rude(Wrapped):
    def search(self, queries, k, allowed=None):
        return self.exact.search(np.nan_to_num(queries), k, allowed)


class Gregarious(Wrapped):
    def broken(self, found, queries):
        return Neighbors(found.positions, found.scores + np.float32(1e-7 * len(found.scores)))


class Vain(Wrapped):
    def __init__(self, rows, metric):
        rows[:] = rows / 2
        super().__init__(rows, metric)


def outcome(kind, tmp_path, load=None):
    contract = IndexContract(
        "exact",
        Metric.COSINE,
        recall=1.0,
        build=lambda spec, rows, metric: kind(rows, metric),
        load=load or (lambda path, rows: kind(rows, Metric.COSINE)),
    )
    failed = set()
    for check in CHECKS:
        folder = tmp_path / check.__name__
        folder.mkdir(parents=True)
        try:
            check(contract, folder)
        except (AssertionError, ValueError):
            failed.add(check.__name__)
    return failed


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (Unsorted, "check_finds_the_nearest"),
        (Squared, "check_finds_the_nearest"),
        (Repeating, "check_copies_are_rows_of_their_own"),
        (Unfiltered, "check_keeps_to_allowed_rows"),
        (Blind, "check_finds_the_nearest"),
        (Rude, "check_refuses_what_makes_no_sense"),
        (Gregarious, "check_does_not_depend_on_the_batch"),
        (Vain, "check_finds_the_nearest"),
    ],
)
def test_each_fault_is_found(kind, check, tmp_path):
    assert check in outcome(kind, tmp_path)


def test_an_index_that_keeps_the_contract_passes(tmp_path):
    assert outcome(Wrapped, tmp_path) == set()


def test_an_index_that_forgets_what_it_saved_is_found(tmp_path):
    failed = outcome(Wrapped, tmp_path, load=lambda path, rows: Wrapped(rows[::-1].copy(), Metric.COSINE))
    assert failed == {"check_is_the_same_when_saved"}


def test_a_low_recall_is_found_and_may_be_allowed(tmp_path):
    contract = IndexContract("lsh:bits=10,tables=2", Metric.COSINE, recall=0.99)
    with pytest.raises(AssertionError, match=r"recall is 0\.\d+, below 0.99"):
        contract.check_finds_the_nearest(tmp_path)
    IndexContract("lsh:bits=10,tables=2", Metric.COSINE, recall=0.05).check_finds_the_nearest(tmp_path)


def test_all_checks_are_listed():
    names = {name for name in vars(IndexContract) if name.startswith("check_")} - {"check_all"}
    assert {check.__name__ for check in CHECKS} == names
