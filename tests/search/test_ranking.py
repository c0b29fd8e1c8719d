"""Expansion and re-ranking, against their definitions in plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.errors import InputError, UnknownNameError
from lookalike.metric import Metric
from lookalike.search.options import SearchOptions
from lookalike.search.searcher import Searcher
from tests.search.galleries import empty_gallery, put

DIM, ROWS = 16, 300


def unit(rows):
    rows = np.asarray(rows, np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A gallery around a few directions that share a mean, its rows, and a query."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(6, DIM)) + 2
    rows = (centres[rng.integers(0, 6, ROWS)] + rng.normal(size=(ROWS, DIM))).astype(np.float32)
    store = empty_gallery(tmp_path_factory.mktemp("gallery"), DIM)
    put(store, {f"{i:03}": row for i, row in enumerate(rows)})
    return Searcher(store), rows, (centres[0] + rng.normal(size=DIM)).astype(np.float32)


def ranking(searcher, query, **options):
    (hits,) = searcher.search(query[None], ROWS, SearchOptions(**options))
    return [int(hit.id) for hit in hits], hits


def agrees(found, relevance):
    """Say whether rows are in descending order of a relevance, up to rounding."""
    values = np.asarray(relevance)[found]
    return len(found) == ROWS and bool((np.diff(values) <= 1e-5).all())


def plain_weights(scores):
    return np.maximum(scores, 0) ** 3


def expanded(rows, query):
    gallery, asked = unit(rows), unit(query[None])[0]
    scores = gallery @ asked
    best = np.argsort(-scores)[:5]
    return unit((asked + plain_weights(scores[best]) @ gallery[best])[None])[0]


def augmented(rows):
    gallery = unit(rows)
    likeness = gallery @ gallery.T
    np.fill_diagonal(likeness, -np.inf)
    near = np.argsort(-likeness, axis=1)[:, :10]
    weights = plain_weights(np.take_along_axis(likeness, near, axis=1))
    return unit(gallery + np.einsum("ij,ijd->id", weights, gallery[near]))


def test_expansion_by_neighbours(made):
    searcher, rows, query = made
    assert agrees(ranking(searcher, query, expand="neighbours")[0], unit(rows) @ expanded(rows, query))


def test_centred(made):
    searcher, rows, query = made
    mean = unit(rows).mean(axis=0)
    assert agrees(
        ranking(searcher, query, rerank="centred")[0], unit(unit(rows) - mean) @ unit(unit(query[None]) - mean)[0]
    )


def test_whitened(made):
    searcher, rows, query = made
    gallery = unit(rows)
    mean = gallery.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(gallery.T))
    whitened = unit((gallery - mean) @ directions / np.sqrt(variances))
    asked = unit((unit(query[None]) - mean) @ directions / np.sqrt(variances))[0]
    assert agrees(ranking(searcher, query, rerank="whitened")[0], whitened @ asked)


def test_augmented_alone_and_with_expansion(made):
    searcher, rows, query = made
    assert agrees(ranking(searcher, query, rerank="augmented")[0], augmented(rows) @ unit(query[None])[0])
    both = ranking(searcher, query, rerank="augmented", expand="neighbours")[0]
    assert agrees(both, augmented(rows) @ expanded(rows, query))


@pytest.mark.parametrize("options", [{"expand": "neighbours"}, {"rerank": "centred"}, {"rerank": "augmented"}])
def test_scores_stay_those_of_the_query(made, options):
    searcher, rows, query = made
    plain, _ = ranking(searcher, query)
    found, hits = ranking(searcher, query, **options)
    assert found != plain
    expected = unit(rows) @ unit(query[None])[0]
    assert [hit.score for hit in hits] == pytest.approx(expected[found].tolist(), abs=1e-6)
    assert [hit.rank for hit in hits] == list(range(1, ROWS + 1))


def test_a_few_hits_are_the_best_of_those_that_were_ranked_anew(made):
    searcher, _, query = made
    few = searcher.search(query[None], 5, SearchOptions(rerank="centred"))[0]
    plain = [hit.id for hit in searcher.search(query[None], 200, SearchOptions())[0]]
    best = [f"{i:03}" for i in ranking(searcher, query, rerank="centred")[0] if f"{i:03}" in plain]
    assert [hit.id for hit in few] == best[:5]


def test_filters_and_the_cut_off_hold_for_what_is_ranked_anew(made):
    searcher, _, query = made
    options = SearchOptions(
        expand="neighbours", rerank="augmented", where="id < '150'", min_score=0.5, exclude=("000",)
    )
    (hits,) = searcher.search(query[None], 50, options)
    assert hits
    assert all("000" < hit.id < "150" and hit.score >= 0.5 for hit in hits)


@pytest.mark.parametrize("options", [{"expand": "neighbour"}, {"rerank": "centered"}])
def test_a_way_that_is_not_known_is_told_with_the_one_that_is_meant(options):
    with pytest.raises(UnknownNameError, match="did you mean"):
        SearchOptions(**options)


def test_other_metrics_and_too_many_hits_are_refused(made):
    searcher, _, query = made
    with pytest.raises(InputError, match="for cosine similarity, and the metric is l2"):
        SearchOptions(metric=Metric.L2, expand="neighbours")
    with pytest.raises(InputError, match="at most 10,000 hits"):
        searcher.search(query[None], 10_001, SearchOptions(collapse=True))
