"""Exact search against plain double-precision arithmetic."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InputError, ShapeError
from lookalike.indexes.exact import ExactIndex
from lookalike.metric import Metric, score_matrix

METRICS = list(Metric)
TOLERANCE = 2e-7


def true_scores(queries, rows, metric):
    """Score plainly in double precision; a row of zeros has the cosine 0 with everything. Shape (q, n)."""
    queries, rows = queries.astype(np.float64), rows.astype(np.float64)
    if metric is Metric.L2:
        return -np.sqrt(np.square(queries[:, None, :] - rows[None, :, :]).sum(axis=2))
    products = np.einsum("qd,nd->qn", queries, rows)
    if metric is Metric.INNER_PRODUCT:
        return products
    lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(rows, axis=1)[None, :]
    return np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)


def check(found, queries, rows, metric, k, allowed=None):
    """Assert that the neighbours are the k best of the allowed rows, with their scores, in order."""
    scores = true_scores(queries, rows, metric)
    permitted = np.ones(len(rows), np.bool_) if allowed is None else allowed
    count = min(k, int(permitted.sum()))
    assert found.positions.shape == found.scores.shape == (len(queries), k)
    assert found.positions.dtype == np.int64
    assert found.scores.dtype == np.float32
    for i in range(len(queries)):
        positions, got = found.positions[i], found.scores[i]
        assert (positions[count:] == -1).all()
        assert np.isneginf(got[count:]).all()
        positions, got = positions[:count], got[:count]
        assert len(set(positions.tolist())) == count
        assert permitted[positions].all()
        # a score of an inner product or a distance is as good as the magnitudes that went into it
        scale = 1.0 if metric is Metric.COSINE else max(np.abs(scores[i]).max(), 1e-300)
        tolerance = TOLERANCE * scale
        best = np.sort(scores[i][permitted])[::-1][:count]
        np.testing.assert_allclose(got, best, rtol=0, atol=tolerance)
        np.testing.assert_allclose(got, scores[i][positions], rtol=0, atol=tolerance)
        for better, worse in itertools.pairwise(zip(got, positions, strict=True)):
            assert better[0] > worse[0] or (better[0] == worse[0] and better[1] < worse[1])


def random_rows(seed, n, dim):
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


@pytest.mark.parametrize("metric", METRICS)
@given(data=st.data())
def test_finds_the_best_of_any_gallery(metric, data):
    seed = data.draw(st.integers(0, 2**32 - 1))
    n, dim, q = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 9)), data.draw(st.integers(1, 4))
    k = data.draw(st.integers(1, 50))
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n, dim)).astype(np.float32)
    # copies, rows of zeros, and queries that are rows
    rows[random.random(n) < 0.3] = rows[0]
    rows[random.random(n) < 0.2] = 0
    queries = random.normal(size=(q, dim)).astype(np.float32)
    queries[random.random(q) < 0.3] = rows[-1]
    queries[random.random(q) < 0.2] = 0
    allowed = random.random(n) < data.draw(st.sampled_from([0.0, 0.2, 0.8, 1.0]))
    index = ExactIndex(rows, metric=metric)
    check(index.search(queries, k), queries, rows, metric, k)
    check(index.search(queries, k, allowed), queries, rows, metric, k, allowed)


@pytest.mark.parametrize("metric", METRICS)
@given(
    seed=st.integers(0, 2**32 - 1),
    exponents=st.tuples(st.integers(-44, 38), st.integers(-44, 38)),
    query=st.integers(-44, 38),
)
def test_finds_the_best_whatever_the_lengths(metric, seed, exponents, query):
    random = np.random.default_rng(seed)
    magnitudes = 10.0 ** random.choice(exponents, size=(30, 1))
    limits = np.finfo(np.float32).max
    rows = np.clip(random.normal(size=(30, 6)) * magnitudes, -limits, limits).astype(np.float32)
    queries = np.clip(random.normal(size=(2, 6)) * 10.0**query, -limits, limits).astype(np.float32)
    scores = true_scores(queries, rows, metric)
    found = ExactIndex(rows, metric=metric).search(queries, 5)
    if np.abs(scores).max() > limits:  # such scores are all shown as the largest float32
        assert np.isfinite(found.scores).all()
        return
    smallest = np.finfo(np.float32).smallest_subnormal
    for i in range(2):
        best = np.sort(scores[i])[::-1][:5]
        np.testing.assert_allclose(found.scores[i], best, rtol=1e-6, atol=smallest + 2e-7 * (metric is Metric.COSINE))
        np.testing.assert_allclose(
            scores[i][found.positions[i]], best, rtol=1e-6, atol=smallest + 2e-7 * (metric is Metric.COSINE)
        )


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("share", [None, 0.9, 0.1, 0.001])
def test_finds_the_best_of_many_rows(metric, share):
    rows, queries = random_rows(1, 20_000, 16), random_rows(2, 7, 16)
    rows[500:9_000:7] = rows[3]  # more copies than are asked for, across blocks
    queries[0] = rows[3]
    allowed = None if share is None else np.random.default_rng(3).random(len(rows)) < share
    check(ExactIndex(rows, metric=metric).search(queries, 30, allowed), queries, rows, metric, 30, allowed)


@pytest.mark.parametrize("metric", METRICS)
def test_agrees_with_the_reference_matrix(metric):
    rows, queries = random_rows(1, 300, 64), random_rows(2, 5, 64)
    found = ExactIndex(rows, metric=metric).search(queries, 300)
    reference = score_matrix(queries, rows, metric)
    np.testing.assert_allclose(found.scores, -np.sort(-reference, axis=1), rtol=2e-7, atol=2e-7)


@pytest.mark.parametrize("metric", METRICS)
def test_rows_that_differ_in_the_last_digit_keep_their_order(metric):
    # a float32 product cannot tell these apart; the result must
    base = random_rows(5, 1, 1280)[0]
    rows = np.tile(base, (200, 1))
    for i in range(200):
        rows[i, i] = np.nextafter(rows[i, i], np.float32(np.inf if i % 2 else -np.inf))
    found = ExactIndex(rows, metric=metric).search(base, 200)
    best = -np.sort(-true_scores(base[None], rows, metric)[0])
    np.testing.assert_array_equal(found.scores[0], best.astype(np.float32))


@pytest.mark.parametrize("metric", METRICS)
def test_a_result_does_not_depend_on_the_batch(metric):
    rows, queries = random_rows(1, 5_000, 33), random_rows(2, 300, 33)
    rows[100:200] = rows[:100]
    index = ExactIndex(rows, metric=metric)
    together = index.search(queries, 20)
    for size in (1, 7, 256):
        for start in range(0, 300, 77):
            part = index.search(queries[start : start + size], 20)
            np.testing.assert_array_equal(part.positions, together.positions[start : start + size])
            np.testing.assert_array_equal(part.scores, together.scores[start : start + size])


@pytest.mark.parametrize("metric", METRICS)
def test_a_result_does_not_depend_on_the_other_rows(metric):
    rows, queries = random_rows(1, 3_000, 40), random_rows(2, 3, 40)
    whole = ExactIndex(rows, metric=metric).search(queries, 3_000)
    half = ExactIndex(rows[:1_500].copy(), metric=metric).search(queries, 1_500)
    for i in range(3):
        kept = whole.positions[i] < 1_500
        np.testing.assert_array_equal(whole.positions[i][kept], half.positions[i])
        np.testing.assert_array_equal(whole.scores[i][kept], half.scores[i])


@pytest.mark.parametrize("metric", METRICS)
def test_equal_rows_come_in_the_order_of_positions(metric):
    rows = np.tile(random_rows(1, 1, 8), (9_000, 1))
    found = ExactIndex(rows, metric=metric).search(random_rows(2, 2, 8), 40)
    np.testing.assert_array_equal(found.positions, np.tile(np.arange(40), (2, 1)))
    assert len(set(found.scores[0].tolist())) == 1


def test_the_distance_of_a_row_to_itself_is_a_plain_zero():
    rows = random_rows(1, 5, 4)
    score = ExactIndex(rows, metric=Metric.L2).search(rows[2], 1).scores[0, 0]
    assert f"{score:+.1f}" == "+0.0"


def test_a_cosine_never_exceeds_one():
    rows = random_rows(1, 2_000, 7)
    assert ExactIndex(rows).search(rows, 1).scores.max() == 1.0


@pytest.mark.parametrize("metric", METRICS)
def test_an_empty_gallery_gives_nothing(metric):
    found = ExactIndex(np.empty((0, 4), np.float32), metric=metric).search(np.ones((2, 4), np.float32), 3)
    assert (found.positions == -1).all()
    assert np.isneginf(found.scores).all()


def test_inputs_are_not_touched():
    rows, queries, allowed = random_rows(1, 50, 4), random_rows(2, 3, 4), np.arange(50) % 2 == 0
    copies = rows.copy(), queries.copy(), allowed.copy()
    for array in (rows, queries, allowed):
        array.flags.writeable = False
    for metric in METRICS:
        ExactIndex(rows, metric=metric).search(queries, 5, allowed)
    for array, copy in zip((rows, queries, allowed), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("k", [0, -3])
def test_refuses_to_find_fewer_than_one(k):
    with pytest.raises(InputError, match="at least 1"):
        ExactIndex(random_rows(1, 5, 4)).search(random_rows(2, 1, 4), k)


def test_refuses_other_shapes():
    index = ExactIndex(random_rows(1, 5, 4))
    with pytest.raises(ShapeError, match=r"\(n, 4\)"):
        index.search(random_rows(2, 1, 5), 1)
    with pytest.raises(ShapeError, match=r"\(5,\)"):
        index.search(random_rows(2, 1, 4), 1, np.ones(4, np.bool_))


@pytest.mark.parametrize("metric", METRICS)
def test_a_saved_index_holds_no_rows_and_is_the_same(tmp_path, metric):
    rows, queries = random_rows(1, 500, 12), random_rows(2, 4, 12)
    index = ExactIndex(rows, metric=metric)
    index.save(tmp_path / "index")
    assert sum(path.stat().st_size for path in (tmp_path / "index").iterdir()) < rows.nbytes / 4
    loaded = ExactIndex.load(tmp_path / "index", rows)
    assert loaded.spec == index.spec
    assert loaded.nbytes == index.nbytes == 500 * 12 * 4 + 500 * 4
    np.testing.assert_array_equal(loaded.search(queries, 10).positions, index.search(queries, 10).positions)
    np.testing.assert_array_equal(loaded.search(queries, 10).scores, index.search(queries, 10).scores)


def test_it_says_that_it_is_exact():
    assert ExactIndex(random_rows(1, 5, 4)).is_exact


@pytest.mark.parametrize("product", range(22, 39))
def test_rows_at_the_same_angle_count_as_equal(product):
    # the query's length is no number of single precision; if it were rounded to one, chance would order these
    query = np.array([1, 2, 3, 4, 5], np.float32)
    rows = np.array([row for row in itertools.permutations(range(5)) if query @ row == product], np.float32)
    assert len(rows) > 1
    found = ExactIndex(rows).search(query, len(rows))
    np.testing.assert_array_equal(found.positions, np.arange(len(rows))[None])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("share", [None, 0.9, 0.1])
def test_the_farthest_rows_are_those_of_a_full_sort(metric, share):
    random = np.random.default_rng(5)
    rows = random.integers(-3, 4, (9_000, 6)).astype(np.float32)
    queries = random.normal(size=(3, 6)).astype(np.float32)
    allowed = None if share is None else random.random(len(rows)) < share
    found = ExactIndex(rows, metric=metric, farthest=True).search(queries, 20, allowed)
    truth = true_scores(queries, rows, metric).astype(np.float32)
    for scores, positions, returned in zip(truth, found.positions, found.scores, strict=True):
        order = np.argsort(scores, kind="stable")
        order = order if allowed is None else order[allowed[order]]
        np.testing.assert_allclose(returned, scores[order[:20]], atol=TOLERANCE * 30)
        np.testing.assert_allclose(scores[positions], returned, atol=TOLERANCE * 30)
        assert len(set(positions)) == 20
        assert allowed is None or allowed[positions].all()
