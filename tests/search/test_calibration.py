"""What the score of a hit says, against galleries whose structure is known."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.metric import Metric
from lookalike.search.calibration import Strength, calibration_of, known_calibration
from lookalike.search.options import AUTO, SearchOptions
from lookalike.search.searcher import Searcher
from lookalike.search.snapshot import newest_snapshot
from lookalike.search.upkeep import renew
from tests.search.galleries import empty_gallery, put

DIM = 64


def family(centre, count, rng, noise=0.5):
    """Draw unit vectors around a direction."""
    rows = centre + noise * rng.normal(size=(count, DIM)) / np.sqrt(DIM)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def directions(count, rng):
    rows = rng.normal(size=(count, DIM))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def answered(searcher, queries):
    answers = searcher.search(queries, 1, SearchOptions(min_score=AUTO))
    return np.mean([len(hits) > 0 for hits in answers])


@pytest.fixture
def families(tmp_path):
    """A gallery of ten families of thirty, and the directions that they lie around."""
    rng = np.random.default_rng(0)
    centres = directions(10, rng)
    store = empty_gallery(tmp_path, DIM)
    rows = np.concatenate([family(centre, 30, rng) for centre in centres])
    put(store, {f"{i:04}": row for i, row in enumerate(rows)})
    return store, centres, rng


def test_relatives_are_answered_and_strangers_are_not(families):
    store, centres, rng = families
    searcher = Searcher(store)
    relatives = np.concatenate([family(centre, 20, rng) for centre in centres])
    strangers = directions(200, rng).astype(np.float32)
    assert answered(searcher, relatives) >= 0.95
    assert answered(searcher, strangers) <= 0.01


def test_photos_without_a_relative_do_not_lower_the_bar(families):
    store, centres, rng = families
    put(store, {f"alone-{i}": row for i, row in enumerate(directions(300, rng).astype(np.float32))})
    searcher = Searcher(store)
    relatives = np.concatenate([family(centre, 20, rng) for centre in centres])
    assert answered(searcher, relatives) >= 0.95
    assert answered(searcher, directions(200, rng).astype(np.float32)) <= 0.01


def test_copies_do_not_raise_the_bar(families):
    store, _, _ = families
    ids = [f"{i:04}" for i in range(300)]
    before = Searcher(store).calibration()
    vectors = {row["id"]: row["embedding"] for batch in store.scan(["id", "embedding"]) for row in batch.to_pylist()}
    put(store, {f"copy-{name}": vectors[name] for name in ids})
    after = Searcher(store).calibration()
    assert after.plausible == pytest.approx(before.plausible, abs=0.05)
    assert after.strong == pytest.approx(before.strong, abs=0.02)


def test_the_thresholds_are_percentiles_of_the_nearest_scores():
    scores = np.random.default_rng(0).normal(0.8, 0.05, 400)
    found = calibration_of(scores)
    assert found.plausible == pytest.approx(np.percentile(scores, 2), abs=1e-4)
    assert found.strong == pytest.approx(np.median(scores), abs=1e-4)
    assert [found.strength(score) for score in (0.99, found.strong, found.plausible, found.plausible - 1e-3)] == [
        *(Strength.STRONG, Strength.STRONG, Strength.PLAUSIBLE, Strength.WEAK)
    ]


def test_a_group_that_stands_apart_is_set_aside():
    rng = np.random.default_rng(0)
    upper = rng.normal(0.8, 0.03, 200)
    found = calibration_of(np.concatenate([rng.normal(0.3, 0.05, 200), upper]))
    assert found.plausible == pytest.approx(np.percentile(upper, 2), abs=1e-4)


@pytest.mark.parametrize("count", [1, 49])
def test_a_small_gallery_is_not_calibrated_and_says_so(tmp_path, count):
    store = empty_gallery(tmp_path, DIM)
    put(store, {str(i): row for i, row in enumerate(directions(count, np.random.default_rng(0)).astype(np.float32))})
    renew(store)
    searcher = Searcher(store)
    query = np.ones((1, DIM), np.float32)
    assert searcher.search(query, 1, SearchOptions())[0][0].strength is None
    with pytest.raises(InputError, match=rf"needs at least 50 different images .* has {count} items; give a number"):
        searcher.search(query, 1, SearchOptions(min_score=AUTO))


def test_a_gallery_of_copies_alone_is_not_calibrated(tmp_path):
    store = empty_gallery(tmp_path, DIM)
    put(store, {str(i): np.ones(DIM, np.float32) for i in range(80)})
    renew(store)
    with pytest.raises(InputError, match="50 different images"):
        Searcher(store).search(np.ones((1, DIM), np.float32), 1, SearchOptions(min_score=AUTO))


def test_indexing_measures_it_and_searches_say_it(families):
    store, _, rng = families
    assert (
        Searcher(store).search(rng.normal(size=(1, DIM)).astype(np.float32), 1, SearchOptions())[0][0].strength is None
    )
    renew(store)
    searcher = Searcher(store)
    known = known_calibration(store, newest_snapshot(store))
    assert known is not None
    row = store.embeddings(store.row_ids()[:1])
    (hits,) = searcher.search(row, 300, SearchOptions())
    assert hits[0].strength is Strength.STRONG
    assert hits[-1].strength is Strength.WEAK
    assert [hit.strength for hit in hits] == [known.strength(hit.score) for hit in hits]
    assert hits[0].to_dict()["strength"] == "strong"
    (others,) = searcher.search(row, 5, SearchOptions(Metric.L2))
    assert {hit.strength for hit in others} == {None}
    assert "strength" not in others[0].to_dict()


def test_it_follows_the_gallery_as_it_changes(families):
    store, centres, rng = families
    renew(store)
    first = known_calibration(store, newest_snapshot(store))
    put(store, {"one": centres[0].astype(np.float32)})
    assert known_calibration(store, newest_snapshot(store)) == first
    nearer = np.concatenate([family(centre, 60, rng, noise=0.3) for centre in centres])
    put(store, {f"near-{i}": row for i, row in enumerate(nearer)})
    assert known_calibration(store, newest_snapshot(store)) is None
    renew(store)
    assert known_calibration(store, newest_snapshot(store)).strong > first.strong + 0.02


def test_one_of_an_undone_version_is_not_taken(families):
    store, _, _ = families
    renew(store)
    snapshot = newest_snapshot(store)
    (path,) = store.location.indexes.rglob("calibration.json")
    text = path.read_text()
    for damaged in (
        text.replace('"fingerprint": "', '"fingerprint": "0'),
        "{",
        "[]",
        text.replace("plausible", "other"),
    ):
        path.write_text(damaged)
        assert known_calibration(store, snapshot) is None
    renew(store)
    assert known_calibration(store, snapshot) is not None


def test_another_metric_has_no_cut_off_of_its_own():
    with pytest.raises(InputError, match="known for cosine similarity, and the metric is l2"):
        SearchOptions(metric=Metric.L2, min_score=AUTO)
