"""Principal components against NumPy's singular value decomposition."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.projections import pca
from lookalike.projections.fitting import fit_projection


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    latent = random.normal(size=(500, 20)) * np.linspace(5, 0.1, 20)
    return (latent @ random.normal(size=(20, 40)) + random.normal(size=40)).astype(np.float32)


def decomposed(rows):
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    return centred, *np.linalg.svd(centred, full_matrices=False)


def test_the_components_are_those_of_the_decomposition(rows):
    projected = fit_projection("pca:6", rows).project(rows)
    centred, _, values, directions = decomposed(rows)
    reference = centred @ directions[:6].T
    signs = np.sign((projected * reference).sum(axis=0))
    np.testing.assert_allclose(projected * signs, reference, atol=1e-4 * values[0])
    np.testing.assert_allclose(projected.std(axis=0, ddof=1), values[:6] / np.sqrt(len(rows) - 1), rtol=1e-5)


def test_no_other_projection_of_that_dimension_loses_less(rows):
    projection = fit_projection("pca:6", rows)
    back = projection.project(rows) @ projection.matrix + projection.mean
    lost = np.square(back - rows).sum()
    _, _, values, _ = decomposed(rows)
    np.testing.assert_allclose(lost, np.square(values[6:]).sum(), rtol=1e-3)


def test_whitened_components_are_uncorrelated_and_of_variance_one(rows):
    projected = fit_projection("pca:15,whiten", rows).project(rows)
    np.testing.assert_allclose(np.cov(projected.T), np.eye(15), atol=1e-3)
    np.testing.assert_allclose(projected.mean(axis=0), 0, atol=1e-4)


def test_signs_do_not_depend_on_the_order_of_rows(rows):
    forwards, backwards = (fit_projection("pca:5", part).matrix for part in (rows, rows[::-1]))
    np.testing.assert_allclose(forwards, backwards, atol=1e-4)


def test_fewer_rows_than_dimensions_keep_all_distances(rows):
    few = rows[:5]
    projected = fit_projection("pca:10", few).project(few)
    before = np.linalg.norm(few[:, None] - few[None], axis=2)
    np.testing.assert_allclose(np.linalg.norm(projected[:, None] - projected[None], axis=2), before, rtol=1e-4)
    whitened = fit_projection("pca:10,whiten", few).project(few)
    assert np.isfinite(whitened).all()
    assert (np.abs(whitened).max(axis=0) > 0).sum() == 4  # five points lie in four dimensions


def test_of_many_rows_a_sample_is_enough(rows, monkeypatch):
    whole = fit_projection("pca:3", rows)
    monkeypatch.setattr(pca, "_SAMPLE", 250)
    first, again, other = (fit_projection("pca:3", rows, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.matrix, again.matrix)
    assert (first.matrix != other.matrix).any()
    assert np.abs((first.matrix * whole.matrix).sum(axis=1)).min() > 0.9


def test_a_mapped_matrix_is_as_good_as_one_in_memory(rows, tmp_path):
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    np.testing.assert_array_equal(fit_projection("pca:5", mapped).matrix, fit_projection("pca:5", rows).matrix)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("pca", "pca wants a dimension"),
        ("pca:41", "choose at most 40"),
        ("pca:8,white", "takes a dimension and the word whiten"),
        ("pca:8,eps=0.1", "no option of 'pca' named 'eps'"),
    ],
)
def test_what_cannot_be_projected_is_refused(rows, spec, message):
    with pytest.raises(InputError, match=message):
        fit_projection(spec, rows)


def test_nothing_has_no_components():
    with pytest.raises(InputError, match="at least one embedding"):
        fit_projection("pca:2", np.empty((0, 4), np.float32))
