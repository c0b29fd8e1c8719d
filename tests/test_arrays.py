"""Embeddings are checked where they enter, and scaled without loss."""

from __future__ import annotations

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.arrays import as_vectors, normalised
from lookalike.errors import InputError, ShapeError

MATRICES = npst.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 9)),
    elements=st.floats(-1e6, 1e6, width=32),
)


@pytest.mark.parametrize("values", [[1, 2, 3], np.array([1, 2, 3], np.int8), np.array([[1, 2, 3]], np.float64)])
def test_a_single_vector_becomes_a_matrix_of_one_row(values):
    vectors = as_vectors(values)
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[1.0, 2.0, 3.0]]


def test_what_is_right_already_is_not_copied():
    values = np.ones((3, 4), np.float32)
    assert np.shares_memory(as_vectors(values), values)


def test_a_transposed_matrix_becomes_contiguous():
    values = np.arange(6, dtype=np.float32).reshape(2, 3).T
    vectors = as_vectors(values)
    assert vectors.flags.c_contiguous
    assert vectors.tolist() == values.tolist()


def test_no_rows_are_allowed():
    assert as_vectors(np.empty((0, 7), np.float32), dim=7).shape == (0, 7)


@pytest.mark.parametrize(
    ("values", "dim", "expected"),
    [
        (np.ones((2, 3)), 4, r"\(n, 4\), got \(2, 3\)"),
        (np.ones(3), 4, r"\(n, 4\), got \(1, 3\)"),
        (np.ones((2, 3, 4)), None, r"\(n, dim\), got \(2, 3, 4\)"),
    ],
)
def test_another_shape_is_refused(values, dim, expected):
    with pytest.raises(ShapeError, match=expected):
        as_vectors(values, dim=dim)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(bad):
    with pytest.raises(InputError, match="not finite"):
        as_vectors([[1.0, bad]])


@given(MATRICES)
def test_rows_come_out_of_unit_length_and_in_their_direction(vectors):
    vectors.flags.writeable = False
    exact = vectors.astype(np.float64)
    lengths = np.sqrt((exact**2).sum(axis=1, keepdims=True))
    result = normalised(vectors)
    assert result.dtype == np.float32
    # a row of subnormal numbers has a length whose square is lost in double precision only below 1e-154
    np.testing.assert_allclose(result * lengths, exact, rtol=1e-5, atol=1e-30)


def test_a_row_of_zeros_stays_zero():
    assert normalised(np.array([[0, 0], [3, 4]], np.float32)).tolist() == [[0, 0], [np.float32(0.6), np.float32(0.8)]]
