from __future__ import annotations

import numpy as np
import pytest

from lookalike.indexes.base import Neighbors
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.recall import true_neighbours, without_self


def rows(n=300, dim=8, seed=0):
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


def naive_neighbours(vectors, row, k):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = unit @ unit[row]
    scores[row] = -np.inf
    return np.argsort(-scores)[:k]


def test_the_truth_is_what_a_full_sort_gives():
    vectors = rows()
    truth = true_neighbours(ExactIndex(vectors), count=20, k=5)
    found = truth.ask(ExactIndex(vectors).search)
    for row, positions in zip(truth.positions, found.positions, strict=True):
        assert positions.tolist() == naive_neighbours(vectors, row, 5).tolist()
    assert truth.recall(found) == 1.0


def test_the_recall_is_the_share_of_true_neighbours():
    vectors = rows()
    truth = true_neighbours(ExactIndex(vectors), count=20, k=5)
    found = truth.ask(ExactIndex(vectors).search)
    expected = []
    for q in range(20):
        found.positions[q, 5 - q % 6 :] = -1
        found.scores[q, 5 - q % 6 :] = -np.inf
        expected.append((5 - q % 6) / 5)
    assert truth.recall(found) == pytest.approx(np.mean(expected))


def test_a_tie_that_is_broken_otherwise_is_no_miss():
    vectors = np.repeat(rows(2), 5, axis=0)
    truth = true_neighbours(ExactIndex(vectors), count=10, k=2)
    other = Neighbors(truth.positions[:, None] // 5 * 5 + [[3, 4]], np.ones((10, 2), np.float32))
    assert truth.recall(other) == 1.0


def test_the_row_itself_is_left_out_wherever_it_stands():
    found = Neighbors(np.array([[7, 1, 2], [1, 8, 2], [1, 2, 3]]), np.array([[3, 2, 1]] * 3, np.float32))
    kept = without_self(found, np.array([7, 8, 9]))
    assert kept.positions.tolist() == [[1, 2], [1, 2], [1, 2]]
    assert kept.scores.tolist() == [[2, 1], [3, 1], [3, 2]]


def test_few_rows_have_fewer_neighbours():
    truth = true_neighbours(ExactIndex(rows(3)), count=500, k=10)
    assert (len(truth.positions), truth.k) == (3, 2)
