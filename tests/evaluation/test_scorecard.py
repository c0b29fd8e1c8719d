from __future__ import annotations

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.evaluation.scorecard import measures_at, scorecard, scorecards

MATCHES = np.array([[True, False, True, False], [False, True, False, False]])
RELEVANT = np.array([2, 2])


def test_every_measure_is_named_and_nested_by_k():
    measures = measures_at([2, 1, 2])
    names = ["P@1", "P@2", "recall@1", "recall@2", "mAP", "MRR", "nDCG@1", "nDCG@2"]
    assert [str(measure) for measure in measures] == names
    values = np.stack([measure.of(MATCHES, RELEVANT) for measure in measures], axis=1)
    found = scorecard(values, measures).to_dict()
    assert found["queries"] == 2
    assert found["precision"] == {"1": 0.5, "2": 0.5}
    assert found["recall"] == {"1": 0.25, "2": 0.5}
    assert found["map"] == pytest.approx(((1 + 2 / 3) / 2 + 1 / 4) / 2, abs=1e-6)
    assert found["mrr"] == 0.75
    best = 1 + 1 / np.log2(3)
    assert found["ndcg"]["2"] == pytest.approx((1 / best + (1 / np.log2(3)) / best) / 2, abs=1e-6)
    assert found["intervals"].keys() == {"precision", "recall", "map", "mrr", "ndcg"}
    low, high = found["intervals"]["precision"]["1"]
    assert (low, high) == (0.0, 1.0)


def test_groups_have_the_means_of_their_own_queries():
    measures = measures_at([1])
    values = np.arange(5 * len(measures), dtype=float).reshape(5, -1)
    found = scorecards(values, measures, np.array([2, 0, 2, 0, 0]), ["z", "nobody", "a"])
    assert list(found) == ["a", "z"]
    assert (found["a"].queries, found["z"].queries) == (2, 3)
    assert found["a"].estimates[measures[0]].mean == values[[0, 2], 0].mean()
    assert found["z"].estimates[measures[-1]].mean == values[[1, 3, 4], -1].mean()


@pytest.mark.parametrize(("ks", "said"), [([], "no k was given"), ([0], "at least 1, got 0"), ([1.5], "got 1.5")])
def test_k_is_checked(ks, said):
    with pytest.raises(InputError, match=said):
        measures_at(ks)
