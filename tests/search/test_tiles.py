"""Pictures found by their parts, against a plain maximum over the tiles."""

from __future__ import annotations

import numpy as np
import pytest

import lookalike
from lookalike.gallery.lance_store import LanceStore
from lookalike.gallery.tile_table import TiledPicture, TileTable
from lookalike.images.tiling import tile_boxes
from lookalike.metric import Metric, score_matrix
from lookalike.search.options import SearchOptions
from tests.search.galleries import record
from tests.toys import ToyEncoder, pixels_of, png, toy_embedding

SIDE = 24
SEEDS = range(12)


@pytest.fixture
def gallery(tmp_path):
    for seed in SEEDS:
        folder = tmp_path / ("even" if seed % 2 == 0 else "odd")
        folder.mkdir(exist_ok=True)
        (folder / f"{seed:02d}.png").write_bytes(png(seed, side=SIDE))
    gallery = lookalike.open(tmp_path, encoder=ToyEncoder())
    gallery.add(tmp_path, tiles=True)
    return gallery


def name(seed):
    return f"{'even' if seed % 2 == 0 else 'odd'}/{seed:02d}.png"


def plain(query, metric, seeds=SEEDS):
    """Return ids, scores and boxes, best first: the whole picture and each tile are compared."""
    found = []
    boxes = [(0, 0, SIDE, SIDE), *tile_boxes(SIDE, SIDE)]
    for seed in seeds:
        pixels = pixels_of(seed, SIDE)
        parts = np.stack([toy_embedding(pixels[y : y + h, x : x + w]) for x, y, w, h in boxes])
        scores = score_matrix(query[None], parts, metric)[0]
        best = int(np.argmax(scores))
        found.append((name(seed), scores[best], boxes[best]))
    return sorted(found, key=lambda row: (-row[1], row[0]))


@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("k", [1, 4, 100])
def test_the_score_is_that_of_the_best_part(gallery, metric, k):
    random = np.random.default_rng(3)
    for _ in range(8):
        query = random.normal(scale=30, size=12).astype(np.float32)
        for where, seeds in ((None, SEEDS), ("folder = 'odd'", SEEDS[1::2])):
            hits = gallery.search(query, k, metric=metric, where=where)
            truth = plain(query, metric, seeds)[:k]
            assert hits.ids == [row[0] for row in truth]
            assert hits.scores == pytest.approx([row[1] for row in truth], rel=1e-5, abs=1e-5)
            assert [hit.box for hit in hits] == [row[2] for row in truth]


def test_a_region_finds_its_picture_and_place(gallery):
    for seed, box in ((3, (6, 6, 12, 12)), (8, (8, 0, 16, 16))):
        hits = gallery.search(lookalike.Term(pixels_of(seed, SIDE), crop=box))
        assert (hits.ids[0], hits[0].box) == (name(seed), box)
        assert hits[0].to_dict()["box"] == list(box)
        assert hits.scores[0] == pytest.approx(1, abs=1e-6)


def test_without_tiles_whole_pictures_are_compared(gallery, tmp_path):
    query = toy_embedding(pixels_of(3, SIDE)[6:18, 6:18])
    whole = gallery.search(query, 12, tiles=False)
    assert all(hit.box is None and "box" not in hit.to_dict() for hit in whole)
    gallery.add(tmp_path, tiles=False)
    without = gallery.search(query, 12)
    assert (without.ids, without.scores) == (whole.ids, whole.scores)
    reverse = gallery.search(query, 12, reverse=True)
    assert reverse.ids == whole.ids[::-1]
    gallery.add(tmp_path, tiles=True)
    assert gallery.search(query, 1)[0].box == (6, 6, 12, 12)


def test_tiles_of_what_changed_or_left_count_for_nothing(gallery, tmp_path):
    query = toy_embedding(pixels_of(3, SIDE)[6:18, 6:18])
    before = gallery.search(query, 3)
    assert before.ids[0] == name(3)
    store = LanceStore.open(gallery.location)
    vectors = store.embeddings(store.find(name(3), [])["_rowid"].to_numpy().astype(np.uint64))
    store.upsert([record(name(3), folder="odd", width=SIDE, height=SIDE)], vectors)  # and its tiles stay
    changed = gallery.search(query, 12)
    assert dict(zip(changed.ids, changed.scores, strict=True))[name(3)] < 0.999
    store.delete([name(3)])
    assert name(3) not in gallery.search(query, 12).ids
    assert gallery.search(query, 1).ids == [before.ids[1]]


def test_a_query_that_is_an_item_is_left_out_with_its_tiles(gallery, tmp_path):
    hits = gallery.search(lookalike.Term(tmp_path / name(3), crop=(6, 6, 12, 12)), 12)
    assert name(3) not in hits.ids
    assert len(hits) == 11


def test_a_table_without_tiles_yet_is_no_hindrance(tmp_path):
    (tmp_path / "a.png").write_bytes(png(1))
    gallery = lookalike.open(tmp_path, encoder=ToyEncoder())
    gallery.add(tmp_path)
    table = TileTable(gallery.store)
    assert gallery.search("id:a.png", include_self=True)[0].box is None
    (row,) = gallery.store.row_ids().tolist()
    table.add([TiledPicture(row, "0123456789abcdef", [(0, 0, 4, 4)], np.ones((1, 12), np.float32))])
    assert gallery.search("id:a.png", include_self=True)[0].box == (0, 0, 8, 8)


def test_many_queries_are_answered_as_one_is(gallery):
    random = np.random.default_rng(5)
    queries = random.normal(scale=30, size=(40, 12)).astype(np.float32)
    batch = gallery.search_batch(list(queries), 5, SearchOptions())
    for query, hits in zip(queries, batch, strict=True):
        alone = gallery.search(query, 5)
        assert [(hit.id, hit.score, hit.box) for hit in hits] == [(hit.id, hit.score, hit.box) for hit in alone]
