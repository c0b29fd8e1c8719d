"""Centroids that are found in two levels are as near to the points as those that FAISS finds in one."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.arrays import normalised
from lookalike.indexes.faiss_clustering import centroids_of, train_lists
from lookalike.indexes.faiss_library import faiss

POINTS = np.concatenate(
    [np.random.default_rng(seed).normal(seed % 7, 1 + seed % 3, (400, 24)) for seed in range(20)]
).astype(np.float32)


@pytest.mark.parametrize("spherical", [False, True])
def test_points_are_about_as_near_to_them(spherical):
    points = normalised(POINTS) if spherical else POINTS
    plain = faiss.Kmeans(24, 300, niter=10, spherical=spherical, min_points_per_centroid=1)
    plain.train(points)
    found = centroids_of(points, 300, spherical=spherical)
    assert found.shape == (300, 24)
    assert found.dtype == np.float32
    assert _spread(points, found) < 1.1 * _spread(points, plain.centroids)
    if spherical:
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def _spread(points, centroids):
    """Return the mean squared distance of points to the nearest centroid."""
    index = faiss.IndexFlatL2(centroids.shape[1])
    index.add(centroids)
    return float(index.search(points, 1)[0].mean())


def test_they_are_the_same_again():
    np.testing.assert_array_equal(
        centroids_of(POINTS, 256, spherical=False), centroids_of(POINTS, 256, spherical=False)
    )


def test_there_are_as_many_as_asked_for_however_the_points_lie():
    alike = np.concatenate([np.zeros((5_000, 24), np.float32), POINTS[:120]])
    assert len(np.unique(centroids_of(alike, 2_560, spherical=False), axis=0)) > 100
    assert centroids_of(alike, 2_560, spherical=False).shape == (2_560, 24)


@pytest.mark.parametrize("factory", ["IVF256,Flat", "IVF256_HNSW16,Flat"])
def test_lists_get_them_and_faiss_goes_on_with_these(factory):
    points = normalised(POINTS)
    index = faiss.index_factory(24, factory, faiss.METRIC_INNER_PRODUCT)
    train_lists(index, points)
    centroids = index.quantizer.reconstruct_n(0, 256)
    index.train(points)
    np.testing.assert_array_equal(index.quantizer.reconstruct_n(0, 256), centroids)
    index.add(points)
    breadth = faiss.SearchParametersHNSW(efSearch=512) if "HNSW" in factory else None
    all_lists = faiss.SearchParametersIVF(nprobe=256, quantizer_params=breadth)
    _, found = index.search(points[:50], 5, params=all_lists)
    np.testing.assert_array_equal(found, np.argsort(-(points[:50] @ points.T), axis=1, kind="stable")[:, :5])


@pytest.mark.parametrize("factory", ["Flat", "IVF16,Flat", "IVF256(IVF16,Flat),Flat"])
def test_what_it_has_nothing_to_say_of_is_left_to_faiss(factory):
    index = faiss.index_factory(24, factory)
    train_lists(index, POINTS)
    assert index.ntotal == 0
    if isinstance(index, faiss.IndexIVF):
        assert index.quantizer.ntotal == 0
        index.train(POINTS)
        assert index.quantizer.ntotal == index.nlist
