"""A fitted projection: what it maps, and what is stored of it."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.errors import InputError, ShapeError
from lookalike.projections.fitting import fit_projection
from lookalike.projections.linear import LinearProjection


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(2, 1, (50, 12)).astype(np.float32)


@pytest.mark.parametrize("spec", ["rp:5", "srp:5,density=0.5", "pca:5", "pca:5,whiten"])
def test_a_stored_projection_is_the_same(rows, tmp_path, spec):
    projection = fit_projection(spec, rows, seed=3)
    projection.save(tmp_path / "projection")
    loaded = LinearProjection.load(tmp_path / "projection")
    assert loaded.spec == projection.spec == spec
    assert (loaded.input_dim, loaded.dim) == (12, 5)
    assert loaded.nbytes == 4 * (5 * 12 + 12)
    np.testing.assert_array_equal(loaded.project(rows), projection.project(rows))


def test_directions_are_differences_of_points(rows):
    projection = fit_projection("pca:5", rows)
    moved = projection.project(rows + 1) - projection.project(rows)
    np.testing.assert_allclose(moved, projection.project_directions(np.ones((50, 12), np.float32)), atol=1e-4)


def test_a_projection_changes_no_input_and_makes_float32(rows):
    rows.flags.writeable = False
    projected = fit_projection("pca:5", rows).project(rows)
    assert projected.dtype == np.float32
    assert projected.shape == (50, 5)


def test_other_dimensions_are_refused(rows):
    with pytest.raises(ShapeError, match=r"\(n, 12\)"):
        fit_projection("pca:5", rows).project(rows[:, :5])


@pytest.mark.parametrize("damaged", ["matrix.npy", "mean.npy", "projection.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\x93NUMPY"])
def test_a_damaged_folder_is_refused_in_a_sentence(rows, tmp_path, damaged, content):
    fit_projection("pca:5", rows).save(tmp_path / "projection")
    path = tmp_path / "projection" / damaged
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"fit it again|is damaged"):
        LinearProjection.load(tmp_path / "projection")


def test_parts_that_do_not_fit_are_refused(rows, tmp_path):
    fit_projection("pca:5", rows).save(tmp_path / "projection")
    np.save(tmp_path / "projection" / "mean.npy", np.zeros(3, np.float32))
    with pytest.raises(InputError, match="is damaged"):
        LinearProjection.load(tmp_path / "projection")
