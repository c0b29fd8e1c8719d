from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, confusion_matrix, ndcg_score

from lookalike.building.report import NoProgress
from lookalike.evaluation import judging
from lookalike.evaluation.judging import Asked, confusion, judge
from lookalike.evaluation.scorecard import measures_at

MEASURES = measures_at([1, 3])


def scores_of(queries, rows):
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in (queries.astype(float), rows.astype(float))]
    return unit[0] @ unit[1].T


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000), st.integers(5, 40), st.integers(1, 6), st.integers(2, 4))
def test_the_measures_are_those_of_scikit_learn(seed, size, count, labels):
    random = np.random.default_rng(seed)
    rows, queries = random.normal(size=(size, 5)).astype(np.float32), random.normal(size=(count, 5)).astype(np.float32)
    codes, wanted = random.integers(0, labels, size), random.integers(0, labels, count)
    codes[:labels] = np.arange(labels)  # each label is there
    asked = Asked(queries, np.arange(count), wanted, np.full(count, -1))
    found = judge(asked, rows, codes, measures=MEASURES, progress=NoProgress())
    scores = scores_of(queries, rows)
    for number in range(count):
        truth = codes == wanted[number]
        first = np.argsort(-scores[number])
        expected = {
            "P@1": truth[first[:1]].mean(),
            "P@3": truth[first[:3]].mean(),
            "recall@1": truth[first[:1]].sum() / truth.sum(),
            "recall@3": truth[first[:3]].sum() / truth.sum(),
            "mAP": average_precision_score(truth, scores[number]),
            "MRR": 1 / (1 + np.flatnonzero(truth[first])[0]),
            "nDCG@1": ndcg_score([truth], [scores[number]], k=1),
            "nDCG@3": ndcg_score([truth], [scores[number]], k=3),
        }
        got = dict(zip(map(str, MEASURES), found.values[number], strict=True))
        assert got == pytest.approx(expected)
        assert found.hits[number].tolist() == first[: judging.SHOWN].tolist()
        assert found.scores[number] == pytest.approx(scores[number][first[: judging.SHOWN]], abs=1e-6)
        assert found.matches[number].tolist() == truth[first[: judging.SHOWN]].tolist()


class Counting(NoProgress):
    def __init__(self):
        self.expected = self.done = 0

    def expect(self, items):
        self.expected = items

    def advance(self, items, failed):
        self.done += items


def test_many_queries_are_taken_some_at_a_time(monkeypatch):
    random = np.random.default_rng(3)
    rows = random.normal(size=(50, 4)).astype(np.float32)
    codes = random.integers(0, 3, 50)
    numbers = random.permutation(50)[:31]
    asked = Asked(rows, numbers, codes[numbers], numbers)
    whole = judge(asked, rows, codes, measures=MEASURES, progress=NoProgress())
    monkeypatch.setattr(judging, "_QUERIES_AT_ONCE", 7)
    progress = Counting()
    parts = judge(asked, rows, codes, measures=MEASURES, progress=progress)
    assert np.array_equal(whole.values, parts.values)
    assert np.array_equal(whole.hits, parts.hits)
    assert (progress.expected, progress.done) == (31, 31)


def test_relevant_are_the_others_with_the_same_code():
    codes = np.array([0, 0, 1, -1, 2])
    asked = Asked(
        np.zeros((6, 2), np.float32), np.arange(6), np.array([0, 0, 1, -1, 2, 7]), np.array([0, -1, 2, 3, 0, -1])
    )
    # the second is no item; the last but one is an item that has another label in the gallery than it has as a query
    assert asked.relevant(codes).tolist() == [1, 2, 0, 0, 1, 0]
    answerable = asked.having(asked.relevant(codes) > 0)
    assert answerable.numbers.tolist() == [0, 1, 4]
    assert answerable.chance(codes) == pytest.approx((1 / 4 + 2 / 5 + 1 / 4) / 3)


def test_confusion_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    wanted, found = random.integers(0, 3, 60), random.integers(0, 4, 60)
    names = ["c", "b", "a", "d"]
    matrix = confusion_matrix(wanted, found, labels=range(4))
    expected = {
        names[row]: {names[column]: int(matrix[row, column]) for column in (2, 1, 0, 3) if matrix[row, column]}
        for row in (2, 1, 0)
    }
    counted = confusion(wanted, found, names)
    assert counted == expected
    assert list(counted) == ["a", "b", "c"]
    assert all(list(row) == sorted(row) for row in counted.values())


def test_a_nearest_item_without_a_label_is_counted_as_none():
    assert confusion(np.array([0, 0, 1]), np.array([-1, 1, -1]), ["a", "b"]) == {"a": {"b": 1}, "b": {}}
