"""Galleries as data sets of the ``datasets`` library."""

from __future__ import annotations

import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.encoders.base import EncoderSpec
from lookalike.errors import InputError, SourceError, StoreMissingError
from lookalike.integrations.datasets import map_function
from lookalike.search.options import SearchOptions

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _no_bars():
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


@pytest.fixture(scope="module")
def leaves(beans, tmp_path_factory):
    """A gallery of 60 Beans photos, one of them twice."""
    folder = tmp_path_factory.mktemp("leaves")
    for path in sorted((beans / "validation").rglob("*.jpg"))[::2][:60]:
        (folder / path.parent.name).mkdir(exist_ok=True)
        shutil.copy(path, folder / path.parent.name)
    first = min(folder.rglob("*.jpg"))
    shutil.copy(first, first.with_name("zz-copy.jpg"))
    gallery = lookalike.open(folder)
    gallery.add(folder, label_from="parent")
    return gallery


@pytest.fixture(scope="module")
def queries(beans):
    return sorted((beans / "test").rglob("*.jpg"))[::10]


def test_a_dataset_holds_what_the_gallery_holds(leaves):
    rows = leaves.to_dataset()
    assert rows.column_names == ["id", "uri", *leaves.store.attributes, "embedding"]
    assert rows["id"][:] == sorted(rows["id"][:])
    assert len(rows) == len(leaves) == 61
    for hit in leaves.search(np.array(rows[7]["embedding"], np.float32), k=61):
        row = rows[rows["id"][:].index(hit.id)]
        assert row["uri"] == hit.uri
        assert {name: row[name] for name in hit.attributes} == dict(hit.attributes)


def test_its_embeddings_are_those_of_the_gallery(leaves):
    rows = leaves.to_dataset()
    assert rows.data.schema.field("embedding").type.value_type == "float"
    for row in rows.select(range(0, 61, 10)):
        np.testing.assert_array_equal(np.array(row["embedding"], np.float32), leaves.embed(f"id:{row['id']}"))


def test_its_description_names_the_encoder(leaves):
    sentence, values = leaves.to_dataset().info.description.splitlines()
    assert "embedded" in sentence
    assert EncoderSpec.from_dict(json.loads(values)) == leaves.spec


def test_it_survives_saving(leaves, tmp_path):
    rows = leaves.to_dataset(image_column="image")
    rows.save_to_disk(tmp_path / "saved")
    again = datasets.load_from_disk(tmp_path / "saved")
    assert again.features == rows.features
    assert again.info.description == rows.info.description
    assert again.remove_columns("image").data.table.equals(leaves.to_dataset().data.table)
    for saved, file in zip(again["image"], rows["uri"], strict=True):
        np.testing.assert_array_equal(np.asarray(saved), np.asarray(Image.open(file)))


def test_its_fingerprint_follows_what_it_holds(tmp_path, photos):
    shutil.copytree(photos, tmp_path / "photos")
    gallery = lookalike.open(tmp_path)
    gallery.add(tmp_path / "photos")
    prints = [gallery.to_dataset()._fingerprint, gallery.to_dataset(image_column="image")._fingerprint]
    assert lookalike.open(tmp_path).to_dataset()._fingerprint == prints[0]
    (tmp_path / "photos" / "moon.png").unlink()
    gallery.add(tmp_path / "photos")
    prints.append(gallery.to_dataset()._fingerprint)
    assert len(set(prints)) == 3


def test_images_are_the_files(leaves):
    rows = leaves.to_dataset(image_column="image")
    assert isinstance(rows.features["image"], datasets.Image)
    for row in rows.select([0, 30, 60]):
        assert row["image"].filename == row["uri"]
        np.testing.assert_array_equal(np.asarray(row["image"]), np.asarray(Image.open(row["uri"])))


def test_images_of_items_without_a_file_are_the_thumbnails(tmp_path):
    source = datasets.Dataset.from_dict({"image": [Image.new("RGB", (600, 300), colour) for colour in ("red", "blue")]})
    gallery = lookalike.open(tmp_path / "gallery")
    gallery.add(source)
    shown = gallery.to_dataset(image_column="preview")["preview"]
    assert [image.size for image in shown] == [(256, 128), (256, 128)]
    assert np.asarray(shown[0]).mean((0, 1)) == pytest.approx([254, 0, 0], abs=3)


def test_an_embedded_dataset_finds_itself_in_the_gallery(leaves):
    rows = leaves.to_dataset(image_column="image").cast_column("image", datasets.Image(decode=False))
    mapped = rows.map(map_function(leaves.encoder, embedding_column="again"), batched=True)
    np.testing.assert_allclose(np.array(mapped["again"]), np.array(mapped["embedding"]), rtol=1e-4, atol=1e-5)


def test_an_attribute_may_have_the_name_of_the_image_column(leaves):
    with pytest.raises(InputError, match="has a column 'label' already; choose another name"):
        leaves.to_dataset(image_column="label")


def test_more_rows_than_are_read_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.integrations.datasets._ROWS", 4)
    buffers = [io.BytesIO() for _ in range(11)]
    for grey, buffer in enumerate(buffers):
        Image.new("RGB", (32, 32), (20 * grey,) * 3).save(buffer, "PNG")
    gallery = lookalike.open(tmp_path / "gallery")
    gallery.add(datasets.Dataset.from_dict({"image": [b.getvalue() for b in buffers], "number": list(range(11))}))
    rows = gallery.to_dataset()
    assert dict(zip(rows["id"], rows["number"], strict=True)) == {f"dataset/train/{i}": i for i in range(11)}
    assert rows["id"][:] == sorted(rows["id"][:])


def test_a_gallery_that_was_emptied(tmp_path, photos):
    shutil.copytree(photos, tmp_path / "photos")
    gallery = lookalike.open(tmp_path)
    gallery.add(tmp_path / "photos")
    gallery.store.delete([hit.id for hit in gallery.search(np.ones(1280, np.float32), k=100)])
    rows = gallery.to_dataset(image_column="image")
    assert len(rows) == 0
    assert rows.features == gallery.to_dataset(image_column="image").features
    assert {"id", "folder", "embedding", "image"} <= set(rows.column_names)


def test_there_is_no_gallery(tmp_path):
    with pytest.raises(StoreMissingError):
        lookalike.open(tmp_path).to_dataset()


def test_pushing_without_a_network_is_one_sentence(leaves):
    with pytest.raises(SourceError) as caught:
        leaves.push_to_hub("someone/leaves")
    message = str(caught.value)
    assert message.startswith("hf:someone/leaves: cannot be uploaded (")
    assert "offline" in message
    assert "\n" not in message


def test_pushing_with_an_option_that_there_is_not(leaves):
    with pytest.raises(TypeError, match="visible"):
        leaves.push_to_hub("someone/leaves", visible=True)


@pytest.mark.parametrize("metric", ["cosine", "inner-product", "l2"])
def test_datasets_finds_what_the_gallery_finds(leaves, queries, metric):
    rows = leaves.to_dataset()
    rows.add_faiss_index("embedding", custom_index=leaves.faiss_index(metric=metric))
    for query in queries:
        hits = leaves.search(query, k=10, metric=metric)
        scores, examples = rows.get_nearest_examples("embedding", leaves.embed(query), k=10)
        expected = np.square(hits.scores) if metric == "l2" else hits.scores
        np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)
        assert examples["id"] == list(hits.ids)


def test_equal_images_come_in_the_order_of_the_gallery(leaves):
    rows = leaves.to_dataset()
    rows.add_faiss_index("embedding", custom_index=leaves.faiss_index())
    query = leaves.embed(f"id:{rows[0]['id']}")
    hits = leaves.search(query, k=2)
    assert hits.scores[0] == hits.scores[1]
    assert rows.get_nearest_examples("embedding", query, k=2).examples["id"] == list(hits.ids)
    assert rows.get_nearest_examples("embedding", query, k=1).examples["id"] == [hits.ids[0]]


def test_a_batch_of_queries_and_more_hits_than_rows(leaves, queries):
    rows = leaves.to_dataset()
    rows.add_faiss_index("embedding", custom_index=leaves.faiss_index())
    vectors = np.stack([leaves.embed(query) for query in queries[:3]])
    scores, examples = rows.get_nearest_examples_batch("embedding", vectors, k=99)
    for hits, found, score in zip(leaves.search_batch(queries[:3], 99, SearchOptions()), examples, scores, strict=True):
        assert found["id"] == list(hits.ids)
        assert len(score) == 61


def test_a_saved_index_gives_the_same_scores(leaves, queries, tmp_path):
    rows = leaves.to_dataset()
    rows.add_faiss_index("embedding", custom_index=leaves.faiss_index())
    query = leaves.embed(queries[0])
    before = rows.get_nearest_examples("embedding", query, k=5)
    rows.save_faiss_index("embedding", tmp_path / "leaves.faiss")
    again = leaves.to_dataset()
    again.load_faiss_index("embedding", tmp_path / "leaves.faiss")
    after = again.get_nearest_examples("embedding", query, k=5)
    np.testing.assert_array_equal(after.scores, before.scores)
    assert after.examples["id"] == before.examples["id"]
