"""The Python interface, as someone uses it who reads only the README."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import lance
import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.errors import (
    InputError,
    SourceError,
    SpaceMismatchError,
    StoreCorruptError,
    StoreMissingError,
    StoreVersionError,
    UnknownNameError,
)
from lookalike.images.limits import Limits
from lookalike.search.options import SearchOptions
from tests.building.sources import MemorySource
from tests.search.galleries import plain_search
from tests.toys import ToyEncoder, pixels_of, plant, png, toy_embedding


@pytest.fixture
def photos(tmp_path):
    plant(tmp_path / "photos" / "a", range(6))
    plant(tmp_path / "photos" / "b", range(6, 12))
    return tmp_path / "photos"


@pytest.fixture
def gallery(photos):
    gallery = lookalike.open(photos, encoder=ToyEncoder())
    gallery.add(photos)
    return gallery


VECTORS = {f"{'a' if seed < 6 else 'b'}/{seed:04d}.png": toy_embedding(pixels_of(seed)) for seed in range(12)}


@pytest.mark.parametrize("metric", list(lookalike.Metric))
def test_the_hits_are_the_nearest(gallery, photos, metric):
    for name, vector in VECTORS.items():
        hits = gallery.search(photos / name, k=4, metric=metric)
        truth = plain_search(VECTORS, vector, 4, metric, without=[name])
        assert hits.ids == [item for item, _ in truth]
        assert hits.scores == pytest.approx([score for _, score in truth], rel=1e-6, abs=1e-6)
        assert [hit.uri for hit in hits] == [str(photos / item) for item in hits.ids]


def test_the_query_is_left_out_unless_it_is_wanted(gallery, photos):
    for query in (photos / "a" / "0003.png", "id:a/0003.png"):
        assert "a/0003.png" not in gallery.search(query, k=99).ids
        assert len(gallery.search(query, k=99)) == 11
        hits = gallery.search(query, k=99, include_self=True)
        assert hits.ids[0] == "a/0003.png"
        assert hits.scores[0] == 1.0
        assert len(hits) == 12
    # a picture that only looks the same is no item
    assert gallery.search(png(3), k=99).ids[0] == "a/0003.png"


def test_a_batch_gives_what_single_queries_give(gallery, photos):
    queries = [photos / "a" / "0000.png", "id:b/0007.png", pixels_of(3), np.ones(12)]
    together = gallery.search_batch(queries, 3, SearchOptions(where="folder = 'a'"))
    for query, hits in zip(queries, together, strict=True):
        alone = gallery.search(query, 3, where="folder = 'a'")
        assert (hits.ids, hits.scores) == (alone.ids, alone.scores)
    assert gallery.search_batch([]) == []


def test_a_search_can_be_narrowed(gallery):
    assert set(gallery.search("id:a/0000.png", k=99, where="folder = 'b'").ids) == {n for n in VECTORS if n[0] == "b"}
    best = gallery.search("id:a/0000.png", k=99)
    kept = gallery.search("id:a/0000.png", k=99, min_score=best.scores[3])
    assert kept.ids == best.ids[:4]
    assert gallery.search("id:a/0000.png", where="width > 8").ids == []


def test_an_unknown_metric_offers_the_nearest_name(gallery):
    with pytest.raises(UnknownNameError, match="did you mean 'cosine'"):
        gallery.search("id:a/0000.png", metric="cosin")


def test_opening_reading_and_searching_by_id_load_no_encoder(gallery, photos):
    # nothing is registered under the name of this gallery's encoder, so loading it would fail
    own = lookalike.open(photos)
    assert len(own) == 12
    assert own.spec == ToyEncoder().spec
    assert "12 items" in repr(own)
    assert len(own.search("id:a/0000.png")) == 10
    with pytest.raises(UnknownNameError, match="no encoder named 'toy'"):
        own.search(photos / "a" / "0000.png")


def test_a_gallery_that_is_not_there_yet(tmp_path):
    gallery = lookalike.open(tmp_path / "none")
    assert len(gallery) == 0
    assert "0 items" in repr(gallery)
    for use in (lambda: gallery.search("id:a"), lambda: gallery.spec, gallery.failures):
        with pytest.raises(StoreMissingError, match="lookalike index FOLDER"):
            use()
    assert not (tmp_path / "none").exists()


def test_a_source_that_is_nothing_makes_no_gallery(tmp_path):
    (tmp_path / "empty").mkdir()
    gallery = lookalike.open(tmp_path / "g", encoder=ToyEncoder())
    plant(tmp_path / "photos", range(2))
    both = [tmp_path / "photos", tmp_path / "empty"]
    for source in (tmp_path / "empty", tmp_path / "missing", str(tmp_path / "*.jpg"), both):
        with pytest.raises(SourceError):
            gallery.add(source)
    for source in (3, [], ""):
        with pytest.raises(InputError):
            gallery.add(source)
    assert not (tmp_path / "g").exists()


class TestAnotherEncoder:
    @pytest.mark.parametrize("other", [ToyEncoder(weights="ff"), "embedded", "owner/model"])
    def test_is_refused_with_the_remedy(self, gallery, photos, other):
        mismatched = lookalike.open(photos, encoder=other)
        for use in (
            lambda: mismatched.search(photos / "a" / "0000.png"),
            lambda: mismatched.search("id:a/0000.png"),
            lambda: mismatched.add(photos),
        ):
            with pytest.raises(SpaceMismatchError, match="this gallery was made by toy") as raised:
                use()
            assert "to use its own, or index into a new gallery" in str(raised.value)
            assert "\n" not in str(raised.value)
        assert len(gallery) == 12

    def test_is_told_apart_even_by_its_weights_alone(self, gallery, photos):
        with pytest.raises(SpaceMismatchError) as raised:
            lookalike.open(photos, encoder=ToyEncoder(weights="ff")).search("id:a/0000.png")
        made_by, _, given = str(raised.value).partition(", not by ")
        assert "weights 00" in made_by
        assert "weights ff" in given

    def test_of_another_name_but_the_same_weights_is_the_same(self, gallery, photos):
        class Moved(ToyEncoder):
            @property
            def spec(self):
                old = super().spec
                return type(old)(**{**old.to_dict(), "name": "/elsewhere", "revision": "2", "modalities": ("image",)})

        assert len(lookalike.open(photos, encoder=Moved()).search(photos / "a" / "0000.png")) == 10


def rewrite_manifest(gallery_folder: Path, old: bytes, new: bytes) -> None:
    dataset = lance.dataset(str(gallery_folder / "items.lance"))
    metadata = {key.decode(): value.replace(old, new).decode() for key, value in dataset.schema.metadata.items()}
    dataset.update_schema_metadata(metadata, replace=True)


def test_a_newer_format_says_to_upgrade(gallery, photos):
    rewrite_manifest(photos / ".lookalike", b'"format": 1', b'"format": 2')
    with pytest.raises(StoreVersionError, match=r"has format 2.* pip install --upgrade lookalike"):
        lookalike.open(photos).search("id:a/0000.png")
    with pytest.raises(StoreVersionError):
        lookalike.open(photos, encoder=ToyEncoder()).add(photos)


def test_a_manifest_that_names_no_encoder_is_damage(gallery, photos):
    rewrite_manifest(photos / ".lookalike", b'"weights_digest"', b'"waits"')
    with pytest.raises(StoreCorruptError, match="of its encoder"):
        lookalike.open(photos).search("id:a/0000.png")


class TestMoving:
    def test_images_and_gallery_together_keep_everything(self, gallery, photos, tmp_path):
        odd = Path(os.fsdecode(os.fsencode(photos) + b"/a/\xff.png"))
        odd.write_bytes(png(20))
        (photos / "bad.jpg").write_bytes(b"x")
        gallery.add(photos)
        before = gallery.search("id:a/0000.png", k=99)
        moved = tmp_path / "elsewhere" / "new name"
        moved.parent.mkdir()
        photos.rename(moved)
        there = lookalike.open(moved, encoder=ToyEncoder())
        after = there.search("id:a/0000.png", k=99)
        assert (after.ids, after.scores) == (before.ids, before.scores)
        for hit in after:
            assert png(20 if hit.id == "file:a/%FF.png" else int(hit.id[-8:-4])) == there.read(hit)
        assert there.search(moved / "a" / "0000.png", k=99).ids == before.ids
        assert [item.uri for item in there.failures()] == [str(moved / "bad.jpg")]
        report = there.add(moved)
        assert (report.unchanged, report.embedded, report.removed, report.total) == (13, 0, 0, 13)

    def test_a_copy_is_recognised_by_content(self, gallery, photos, tmp_path):
        shutil.copytree(photos, tmp_path / "copy", copy_function=shutil.copyfile)  # with new times
        encoder = ToyEncoder()
        report = lookalike.open(tmp_path / "copy", encoder=encoder).add(tmp_path / "copy")
        assert (report.updated, report.unchanged, report.embedded, report.total) == (0, 12, 0, 12)

    def test_a_gallery_apart_from_its_images_can_move_alone(self, photos, tmp_path):
        lookalike.open(tmp_path / "g", encoder=ToyEncoder()).add(photos)
        (tmp_path / "far").mkdir()
        (tmp_path / "g").rename(tmp_path / "far" / "g")
        moved = lookalike.open(tmp_path / "far" / "g", encoder=ToyEncoder())
        hits = moved.search("id:" + "photos/a/0000.png", k=3)
        assert len(hits) == 3

    def test_images_outside_are_found_where_they_were(self, photos, tmp_path):
        (tmp_path / "deep").mkdir()
        lookalike.open(tmp_path / "deep" / "g", encoder=ToyEncoder()).add(photos)
        (tmp_path / "deep" / "g").rename(tmp_path / "g")
        moved = lookalike.open(tmp_path / "g", encoder=ToyEncoder())
        (hit,) = moved.search(pixels_of(5), k=1)
        assert hit.id == str(photos / "a" / "0005.png")
        assert moved.read(hit) == png(5)


def test_labels_come_from_the_folder_when_asked(photos):
    gallery = lookalike.open(photos, encoder=ToyEncoder())
    gallery.add(photos)
    assert gallery.search(pixels_of(0), k=1).labels == [None]
    report = gallery.add(photos, label_from="parent")
    assert (report.updated, report.embedded) == (12, 0)
    assert gallery.search(pixels_of(0), k=1).labels == ["a"]
    assert set(gallery.search(pixels_of(0), k=99, where="label = 'b'").labels) == {"b"}


def test_what_failed_can_be_asked_for(gallery, photos):
    (photos / "bad.jpg").write_bytes(b"no picture")
    report = gallery.add(photos)
    assert [(failure.uri, failure.reason) for failure in report.failed] == [
        (str(photos / "bad.jpg"), "not a picture in a format that lookalike reads")
    ]
    assert [(item.id, item.uri, item.reason) for item in gallery.failures()] == [
        ("bad.jpg", str(photos / "bad.jpg"), "not a picture in a format that lookalike reads")
    ]


def test_limits_hold_for_queries_and_images(photos):
    gallery = lookalike.api.gallery.Gallery(lookalike.open(photos).location, ToyEncoder(), limits=Limits(max_pixels=63))
    assert len(gallery.add(photos).failed) == 12
    with pytest.raises(InputError, match="megapixels"):
        gallery.search(photos / "a" / "0000.png")


def test_the_bytes_of_a_hit(gallery, photos, tmp_path):
    gallery.add(MemorySource({"m": png(40, side=600)}, prefix="m"))
    (stored,) = gallery.search(pixels_of(40, side=600), k=1)
    assert Image.open(BytesIO(gallery.read(stored))).size == (256, 256)
    (file,) = gallery.search(pixels_of(3), k=1)
    assert gallery.read(file) == png(3)
    (photos / file.id).unlink()
    with pytest.raises(OSError, match="no such file"):
        gallery.read(file)


def test_one_gallery_serves_many_threads_while_it_grows(gallery, photos):
    plant(photos / "c", range(100, 400))

    def look(number: int) -> bool:
        name = f"{'a' if number < 6 else 'b'}/{number:04d}.png"
        return all(gallery.search(photos / name, k=1, include_self=True).ids == [name] for _ in range(15))

    with ThreadPoolExecutor(5) as pool:
        growing = pool.submit(gallery.add, photos)
        answers = list(pool.map(look, range(12)))
    assert all(answers)
    assert growing.result().added == 300
    assert len(gallery.search("id:a/0000.png", k=1000)) == 311


class TestDatasets:
    @pytest.fixture
    def dataset(self):
        datasets = pytest.importorskip("datasets")
        rows = {
            "image": [{"bytes": png(seed, side=300), "path": None} for seed in range(6)],
            "kind": [seed % 2 for seed in range(6)],
            "note": [None, "x", "y", None, "z", "ü"],
            "weight": [0.5 * seed for seed in range(6)],
        }
        features = datasets.Features(
            {
                "image": datasets.Image(),
                "kind": datasets.ClassLabel(names=["cat", "dog"]),
                "note": datasets.Value("string"),
                "weight": datasets.Value("float32"),
            }
        )
        return datasets.Dataset.from_dict(rows, features=features)

    def test_rows_become_items_with_their_attributes(self, dataset, tmp_path):
        gallery = lookalike.open(tmp_path / "g", encoder=ToyEncoder())
        assert gallery.add(dataset).added == 6
        hits = gallery.search(pixels_of(3, side=300), k=2)
        assert hits.ids[0] == "dataset/train/3"
        assert hits.labels[0] == "dog"
        assert hits[0].attributes == {"label": "dog", "weight": 1.5, "width": 300, "height": 300}
        assert set(gallery.search("id:dataset/train/0", k=9, where="label = 'cat' and weight > 0").ids) == {
            "dataset/train/2",
            "dataset/train/4",
        }
        assert Image.open(BytesIO(gallery.read(hits[0]))).size == (256, 256)

    def test_a_second_run_does_nothing(self, dataset, tmp_path):
        encoder = ToyEncoder()
        lookalike.open(tmp_path / "g", encoder=encoder).add(dataset)
        report = lookalike.open(tmp_path / "g", encoder=encoder).add(dataset)
        assert (report.unchanged, report.embedded, encoder.images) == (6, 0, 6)

    def test_a_changed_data_set_is_followed(self, dataset, tmp_path):
        encoder = ToyEncoder()
        gallery = lookalike.open(tmp_path / "g", encoder=encoder)
        gallery.add(dataset)
        report = gallery.add(dataset.select(range(1, 5)))  # every row is another one now
        assert (report.updated, report.removed, report.embedded, report.total) == (4, 2, 0, 4)
        assert gallery.search(pixels_of(4, side=300), k=1).ids == ["dataset/train/3"]

    def test_a_column_of_another_type_is_one_sentence(self, dataset, tmp_path):
        gallery = lookalike.open(tmp_path / "g", encoder=ToyEncoder())
        gallery.add(dataset)
        other = dataset.remove_columns("weight").add_column("weight", ["heavy"] * 6)
        with pytest.raises(InputError, match="'weight' is 'heavy' here, but the gallery holds it as double"):
            gallery.add(other)
        assert len(gallery) == 6

    def test_files_and_rows_live_together(self, dataset, gallery):
        gallery.add(dataset)
        assert len(gallery) == 18
        assert gallery.search(pixels_of(2, side=300), k=1).ids == ["dataset/train/2"]
        assert gallery.search(pixels_of(2), k=1).ids == ["a/0002.png"]
