"""Places on a plane and groups, as scikit-learn's measures judge them."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from lookalike.encoders.embedded import EmbeddedEncoder
from lookalike.errors import BackendMissingError
from lookalike.images.decode import as_pixels
from lookalike.projections.layout import check_layout, groups_of, places_of, principal_parts

pytest.importorskip("sklearn")
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_rand_score


def clusters(rows, seed=0, dim=64, spread=0.3):
    rng = np.random.default_rng(seed)
    group_of = rng.integers(0, 5, rows)
    centres = rng.normal(size=(5, dim))
    return (centres[group_of] + spread * rng.normal(size=(rows, dim))).astype(np.float32), group_of


@pytest.fixture(scope="module")
def leaves(beans):
    """The embeddings of 200 photos."""
    paths = sorted((beans / "train").glob("*/*.jpg"))[::5][:200]
    return EmbeddedEncoder().encode_images([as_pixels(path) for path in paths])


def test_neighbours_of_photos_stay_neighbours(leaves):
    places = places_of(principal_parts(leaves))
    assert places.shape == (200, 2)
    kept = trustworthiness(leaves, places, n_neighbors=10, metric="cosine")
    by_two_components = trustworthiness(leaves, principal_parts(leaves)[:, :2], n_neighbors=10, metric="cosine")
    assert kept > 0.88
    assert kept > by_two_components + 0.03


def test_the_same_seed_gives_the_same_places_and_groups():
    parts = principal_parts(clusters(60)[0])
    before = parts.copy()
    np.testing.assert_array_equal(places_of(parts, seed=3), places_of(parts, seed=3))
    np.testing.assert_array_equal(groups_of(parts, seed=3), groups_of(parts, seed=3))
    np.testing.assert_array_equal(parts, before)


def test_groups_are_those_that_there_are():
    vectors, group_of = clusters(100)
    assert adjusted_rand_score(group_of, groups_of(principal_parts(vectors))) > 0.99


def test_lengths_do_not_matter():
    vectors, _ = clusters(40)
    scaled = vectors * np.linspace(1, 50, 40, dtype=np.float32)[:, None]
    np.testing.assert_allclose(np.abs(principal_parts(scaled)), np.abs(principal_parts(vectors)), atol=1e-4)


@pytest.mark.parametrize("rows", [1, 2, 7, 8, 9])
def test_a_few_rows_have_places_too(rows):
    parts = principal_parts(clusters(rows, dim=3)[0])
    places = places_of(parts)
    assert places.shape == (rows, 2)
    assert np.isfinite(places).all()
    assert len(np.unique(places.round(6), axis=0)) == rows
    assert groups_of(parts).shape == (rows,)


@pytest.mark.parametrize("dim", [1, 4])
def test_rows_that_are_all_the_same_are_one_group(dim):
    parts = principal_parts(np.ones((30, dim), np.float32))
    assert np.isfinite(places_of(parts)).all()
    assert set(groups_of(parts)) == {0}


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "sklearn", raising=False)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(BackendMissingError, match=r'pip install "lookalike\[map\]"'):
        check_layout()
