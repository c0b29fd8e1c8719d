"""Random projections keep distances, within the bound of Johnson and Lindenstrauss."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.projections.fitting import fit_projection
from lookalike.projections.random_projection import dimension_for


def squared_distances(rows):
    rows = rows.astype(np.float64)
    i, j = np.triu_indices(len(rows), 1)
    return np.square(rows[i] - rows[j]).sum(axis=1)


@pytest.mark.parametrize("kind", ["rp", "srp"])
@pytest.mark.parametrize("seed", range(3))
def test_all_distances_stay_within_eps(kind, seed):
    eps = 0.3
    random = np.random.default_rng(seed)
    rows = (random.normal(size=(60, 1280)) * random.lognormal(0, 1, 1280) + 5).astype(np.float32)
    rows[1] = rows[0] + 1e-3 * random.normal(size=1280)  # near ones too
    projection = fit_projection(f"{kind}:eps={eps}", rows, seed=seed)
    assert projection.dim == dimension_for(eps, 60) < 1280
    ratios = squared_distances(projection.project(rows)) / squared_distances(rows)
    assert ratios.min() > 1 - eps
    assert ratios.max() < 1 + eps
    assert np.std(ratios) > 0.01  # it is a projection, not the identity


@pytest.mark.parametrize(("eps", "rows", "dim"), [(0.5, 1_000_000, 663), (0.1, 1_000_000, 11_841), (0.5, 1_000, 332)])
def test_the_bound_is_the_published_one(eps, rows, dim):
    # 4 ln n / (eps^2 / 2 - eps^3 / 3)
    assert abs(dimension_for(eps, rows) - dim) <= 1
    assert abs(dimension_for(eps, rows) - 4 * math.log(rows) / (eps**2 / 2 - eps**3 / 3)) < 1


@pytest.mark.parametrize(("spec", "share"), [("srp:64", 1 / math.sqrt(400)), ("srp:64,density=0.3333", 1 / 3)])
def test_a_sparse_projection_is_sparse(spec, share):
    matrix = fit_projection(spec, np.zeros((2, 400), np.float32), seed=1).matrix
    values = np.unique(matrix)
    assert len(values) == 3
    assert values[1] == 0
    assert values[0] == -values[2]
    assert abs((matrix != 0).mean() - share) < 0.02
    assert abs((matrix > 0).sum() / (matrix != 0).sum() - 0.5) < 0.05


@pytest.mark.parametrize("kind", ["rp", "srp"])
def test_a_seed_draws_the_same(kind):
    rows = np.zeros((3, 50), np.float32)
    first, again, other = (fit_projection(f"{kind}:20", rows, seed=seed).matrix for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rp", "rp wants a dimension, as in rp:128, got 'none'"),
        ("rp:0", "wants a dimension"),
        ("rp:half", "wants a dimension, as in rp:128, got 'half'"),
        ("rp:65", "would widen embeddings of 64 dimensions; choose at most 64"),
        ("rp:16,whiten", "takes a dimension or an eps"),
        ("rp:16,eps=0.2", "takes a dimension or an eps"),
        ("rp:eps=1.5", "eps must be between 0 and 1"),
        ("rp:eps=-1", "eps must be a number above 0"),
        ("rp:eps=0.2", "eps=0.2 needs .* dimensions for 10 embeddings, and they have 64; allow a larger eps"),
        ("rp:16,density=0.1", "no option of 'rp' named 'density'"),
        ("srp:16,density=2", "density must be at most 1"),
    ],
)
def test_what_cannot_be_projected_is_refused(spec, message):
    with pytest.raises(InputError, match=message):
        fit_projection(spec, np.zeros((10, 64), np.float32))
