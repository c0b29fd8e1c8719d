"""What an approximate index promises whatever its backend does."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.errors import InputError, UnknownNameError
from lookalike.indexes.approximate import ApproximateIndex
from lookalike.indexes.base import IndexSpec
from lookalike.indexes.building import build_index
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.scoring import WideQueries
from lookalike.metric import Metric
from lookalike.options import Parameter
from lookalike.testing.index_contract import mixture


class Careless:
    """Proposes rows as it was told to, and remembers what it was asked."""

    can_filter = False
    nbytes = 7
    details = {"mood": "careless"}  # noqa: RUF012  # read only
    parameters = {"oversample": Parameter(2, is_whole=False), "effort": Parameter(5)}  # noqa: RUF012  # read only
    answer = None

    def __init__(self, rows):
        self.rows = rows
        self.asked = []

    @classmethod
    def build(cls, rows, spec, *, seed):
        return cls(rows.whole())

    def propose(self, queries, count, *, allowed, parameters):
        self.asked.append((count, allowed is None, parameters))
        return self.answer if self.answer is not None else np.tile(np.arange(len(self.rows)), (len(queries), 1))


@pytest.fixture(scope="module")
def rows():
    return mixture(4_000, 8, seed=1)


@pytest.fixture(scope="module")
def queries():
    return mixture(3, 8, seed=2)


def careless(rows, metric=Metric.COSINE):
    return ApproximateIndex.build(Careless, rows, IndexSpec("careless", metric, rows.shape[1]))


def test_padding_repetitions_and_rows_that_are_not_allowed_never_leak(rows, queries):
    index = careless(rows)
    index.backend.answer = np.array([[5, 5, -1, 9, 9, 4, 3, -1], [-1, 2, 2, 2, 8, 11, 13, 2], [7, 6, 5, 4, 3, 2, 1, 0]])
    allowed = np.ones(len(rows), np.bool_)
    allowed[[9, 8]] = False
    found = index.search(queries, 3, allowed)
    for i, permitted in enumerate([{5, 4, 3}, {2, 11, 13}, {7, 6, 5, 4, 3, 2, 1, 0}]):
        assert set(found.positions[i].tolist()) <= permitted
        assert len(set(found.positions[i].tolist())) == 3
    truth = ExactIndex(rows).search(queries, len(rows))
    for i in range(3):
        for position, score in zip(found.positions[i], found.scores[i], strict=True):
            assert score == truth.scores[i][truth.positions[i] == position][0]


def test_what_comes_short_is_completed_by_an_exact_search(rows, queries):
    index = careless(rows)
    index.backend.answer = np.array([[1, -1, -1], [1, 2, 3], [-1, -1, -1]])
    found = index.search(queries, 3)
    truth = ExactIndex(rows).search(queries, 3)
    np.testing.assert_array_equal(found.positions[[0, 2]], truth.positions[[0, 2]])
    assert sorted(found.positions[1].tolist()) == [1, 2, 3]


@pytest.mark.parametrize("metric", list(Metric))
def test_scores_are_those_of_an_exact_search_to_the_last_digit(rows, queries, metric):
    found = careless(rows, metric).search(queries, 50)  # thousands of proposals a query
    truth = ExactIndex(rows, metric=metric).search(queries, 50)
    np.testing.assert_array_equal(found.positions, truth.positions)
    np.testing.assert_array_equal(found.scores, truth.scores)


def test_equal_scores_come_in_the_order_of_positions(rows, queries):
    same = np.tile(rows[:1], (3_000, 1))
    index = careless(same)
    index.backend.answer = np.array([[9, 7, 8, 3]] * 3)
    np.testing.assert_array_equal(index.search(queries, 3).positions, [[3, 7, 8]] * 3)


def test_a_backend_without_filters_is_asked_for_more(rows, queries):
    index = careless(rows)
    index.search(queries, 10)
    index.search(queries, 10, np.arange(4_000) % 3 == 0)
    (plain, _, _), (filtered, unaware, _) = index.backend.asked
    assert plain == 20
    assert unaware
    assert filtered >= 3 * plain


def test_few_allowed_rows_are_searched_without_the_backend(rows, queries):
    index = careless(rows)
    allowed = np.zeros(4_000, np.bool_)
    allowed[:900] = True
    np.testing.assert_array_equal(
        index.search(queries, 10, allowed).positions, ExactIndex(rows).search(queries, 10, allowed).positions
    )
    assert index.backend.asked == []


def test_parameters_are_of_one_search(rows, queries):
    index = careless(rows)
    assert index.parameters == {"oversample": 2, "effort": 5}
    index.search(queries, 10, parameters={"effort": 9, "oversample": 1.5})
    index.search(queries, 10)
    assert [(count, values["effort"]) for count, _, values in index.backend.asked] == [(15, 9), (20, 5)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"effort": 0}, "effort must be a whole number of at least 1, got 0"),
        ({"effort": 1.5}, "effort must be a whole number"),
        ({"effort": "much"}, "effort must be a whole number of at least 1, got 'much'"),
        ({"oversample": 0.5}, "oversample must be a number of at least 1"),
    ],
)
def test_impossible_parameters_are_refused(rows, queries, given, message):
    with pytest.raises(InputError, match=message):
        careless(rows).search(queries, 10, parameters=given)


def test_an_unknown_parameter_offers_a_near_one(rows, queries):
    with pytest.raises(UnknownNameError, match=r"no search parameter of 'careless' named 'efort'; did you mean 'effo"):
        careless(rows).search(queries, 10, parameters={"efort": 3})


def test_it_says_that_it_is_not_exact_and_what_was_chosen(rows):
    index = careless(rows)
    assert not index.is_exact
    assert index.details == {"mood": "careless"}
    assert index.nbytes == 7 + 4 * len(rows)


@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("magnitude", [1e-30, 1e-4, 1e6, 1e30])
@pytest.mark.parametrize("spec", ["hnsw", "sq8", "lsh:bits=6", "pca:6/exact"])
def test_lengths_far_from_one_change_nothing(rows, queries, metric, magnitude, spec):
    # half precision ends at 65504, and squares of large float32 numbers overflow
    scaled, asked = (part * np.float32(magnitude) for part in (rows[:1_500], queries))
    truth = ExactIndex(scaled, metric=metric).search(asked, 10).positions
    index = build_index(spec, scaled, metric=metric)
    prepared = index._preparation.queries(WideQueries.of(asked))
    values = {**index.parameters, **({"probes": 8} if "lsh" in spec else {})}
    proposed = index.backend.propose(prepared, 300, allowed=None, parameters=values)
    assert np.mean([np.isin(t, p).mean() for t, p in zip(truth, proposed, strict=True)]) > 0.9


def test_deleting_twice_and_inserting_after_it(rows, queries):
    index = build_index("lsh:bits=4", rows[:3_000])
    index.delete(np.array([5, 6]))
    index.delete(np.array([6, 7]))
    inserted = index.insert(rows[5:8])
    np.testing.assert_array_equal(inserted, [3_000, 3_001, 3_002])
    np.testing.assert_array_equal(index.search(rows[5:8], 1).positions[:, 0], inserted)
    assert len(index) == len(index.vectors) == 3_003
    index.delete(np.arange(3_003))
    assert (index.search(queries, 4).positions == -1).all()
