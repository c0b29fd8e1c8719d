"""A gallery that keeps tiles, as its pictures come and go."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.errors import InputError
from lookalike.gallery.lance_store import LanceStore, embedding_matrix
from lookalike.gallery.record import EMBEDDING
from lookalike.images.tiling import TILES, tile_boxes
from tests.toys import ToyEncoder, pixels_of, plant, png, toy_embedding

SIDE = 24


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(5):
        (folder / f"{seed}.png").write_bytes(png(seed, side=SIDE))
    return folder


@pytest.fixture
def encoder():
    return ToyEncoder()


@pytest.fixture
def gallery(photos, encoder):
    return lookalike.open(photos, encoder=encoder)


def tiles_of(gallery):
    """Return the tiles that the table holds: from the id of an item, and a box, to an embedding."""
    ids = dict(zip(gallery.store.row_ids().tolist(), all_of(gallery.store, "id"), strict=True))
    tiles = LanceStore.open(gallery.location.tiles)
    found = {}
    for batch in tiles.scan(["item", "x", "y", "width", "height", "digest", EMBEDDING]):
        vectors = embedding_matrix(batch[EMBEDDING])
        for row, vector in zip(batch.to_pylist(), vectors, strict=True):
            key = (ids[row["item"]], (row["x"], row["y"], row["width"], row["height"]))
            assert key not in found
            found[key] = vector
    return found


def all_of(store, column):
    return [value for batch in store.scan([column]) for value in batch[column].to_pylist()]


def expected(seeds):
    """Return what the table should hold, from the name of an item to its seed."""
    return {
        (name, (x, y, w, h)): toy_embedding(pixels_of(seed, SIDE)[y : y + h, x : x + w])
        for name, seed in seeds.items()
        for x, y, w, h in tile_boxes(SIDE, SIDE)
    }


def assert_tiles(gallery, seeds):
    found, truth = tiles_of(gallery), expected(seeds)
    assert found.keys() == truth.keys()
    for key, vector in truth.items():
        np.testing.assert_allclose(found[key], vector, atol=1e-4)


def test_tiles_follow_the_pictures(gallery, photos, encoder):
    seeds = {f"{seed}.png": seed for seed in range(5)}
    report = gallery.add(photos, tiles=True)
    assert (report.added, report.tiled, encoder.images) == (5, 5, 5 * (1 + TILES))
    assert_tiles(gallery, seeds)

    (photos / "0.png").write_bytes(png(10, side=SIDE))
    (photos / "1.png").unlink()
    (photos / "5.png").write_bytes(png(5, side=SIDE))
    (photos / "2.png").rename(photos / "renamed.png")
    encoder.images = 0
    report = gallery.add(photos)
    assert (report.tiled, encoder.images) == (3, 2 * (1 + TILES))
    seeds = {"0.png": 10, "3.png": 3, "4.png": 4, "5.png": 5, "renamed.png": 2}
    assert_tiles(gallery, seeds)

    encoder.images = 0
    assert gallery.add(photos).tiled == 0
    assert encoder.images == 0
    gallery.remove("id:3.png")
    del seeds["3.png"]
    assert_tiles(gallery, seeds)


def test_a_gallery_gets_tiles_later_and_gives_them_up(gallery, photos, encoder):
    assert gallery.add(photos).tiled == 0
    assert not gallery.location.tiles.exists()
    encoder.images = 0
    report = gallery.add(photos, tiles=True)
    assert (report.unchanged, report.tiled, encoder.images) == (5, 5, 5 * TILES)
    assert_tiles(gallery, {f"{seed}.png": seed for seed in range(5)})
    gallery.add(photos, tiles=False)
    assert not gallery.location.tiles.folder.exists()


def test_copies_share_what_was_embedded(gallery, photos, encoder):
    gallery.add(photos, tiles=True)
    (photos / "copy.png").write_bytes(png(4, side=SIDE))
    encoder.images = 0
    assert gallery.add(photos).tiled == 1
    assert encoder.images == 0
    assert_tiles(gallery, {**{f"{seed}.png": seed for seed in range(5)}, "copy.png": 4})


def test_an_interrupted_run_goes_on_where_it_was(gallery, photos, encoder, monkeypatch):
    plant(photos / "more", range(20, 50))
    gallery.add(photos)
    made = encoder.encode_images

    def interrupted(images):
        if encoder.images > 35 + 16 * TILES:
            raise KeyboardInterrupt
        return made(images)

    monkeypatch.setattr(encoder, "encode_images", interrupted)
    with pytest.raises(KeyboardInterrupt):
        gallery.add(photos, tiles=True)
    monkeypatch.undo()
    before = len(tiles_of(gallery))
    assert before == 16 * TILES  # all pictures that were embedded as a whole
    encoder.images = 0
    gallery.add(photos)
    assert encoder.images == 35 * TILES - before
    assert len(tiles_of(gallery)) == 35 * TILES


def test_a_picture_that_cannot_be_read_any_more_is_told_of(gallery, photos):
    gallery.add(photos)
    (photos / "1.png").write_bytes(b"no picture")
    report = gallery.add(photos, tiles=True)
    assert report.tiled == 4
    reasons = [failure.reason for failure in report.failed if failure.uri == str(photos / "1.png")]
    assert any("searched as a whole only" in reason for reason in reasons)


def test_large_jpegs_are_cut_in_their_true_size(photos, tmp_path):
    (tmp_path / "large").mkdir()
    noise = np.kron(pixels_of(3, 16), np.ones((80, 100, 1), np.uint8))
    Image.fromarray(noise).save(tmp_path / "large" / "a.jpg")
    gallery = lookalike.open(tmp_path / "large")
    gallery.add(tmp_path / "large", tiles=True)
    assert {box for _, box in tiles_of(gallery)} == set(tile_boxes(1600, 1280))
    hits = gallery.search(lookalike.Term(tmp_path / "large" / "a.jpg", crop=(0, 0, 800, 640)), include_self=True)
    assert hits[0].box == (0, 0, 800, 640)
    assert hits.scores[0] == pytest.approx(1, abs=0.02)


def test_embeddings_without_an_encoder_have_no_tiles(tmp_path):
    gallery = lookalike.open(tmp_path)
    np.save(tmp_path / "e.npy", np.eye(4, dtype=np.float32))
    gallery.add(tmp_path / "e.npy")
    with pytest.raises(InputError, match="this gallery has none"):
        gallery.add(tmp_path / "e.npy", tiles=True)
