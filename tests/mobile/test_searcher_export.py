"""A gallery exported for phones, and asked by the real client of the TFLite Task Library."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.api.phone import PhoneSearcher
from lookalike.errors import InputError
from lookalike.mobile.model_file import attach
from lookalike.mobile.model_metadata import ModelMetadata
from lookalike.mobile.searcher_options import SearcherOptions
from lookalike.search.options import SearchOptions
from tests.mobile.searchers import client, tiny

_ROWS, _QUERIES, _K = 340, 128, 10


@pytest.fixture(scope="module")
def paths(beans):
    return sorted((beans / "train").rglob("*.jpg"))[:: 1034 // _ROWS][:_ROWS]


@pytest.fixture(scope="module")
def gallery(paths, tmp_path_factory):
    gallery = lookalike.open(tmp_path_factory.mktemp("gallery"))
    gallery.add([str(path) for path in paths], label_from="parent")
    return gallery


@pytest.fixture(scope="module")
def queries(beans, photos):
    leaves = sorted((beans / "test").rglob("*.jpg"))[:: 128 // _QUERIES][:_QUERIES]
    found = []
    for path in [*leaves, *sorted(photos.iterdir())[:6]]:
        with Image.open(path) as image:
            found.append(np.asarray(image.convert("RGB")))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("searchers")


@pytest.fixture(scope="module")
def floats(gallery, folder):
    return gallery.export_tflite(folder / "floats.tflite")


@pytest.fixture(scope="module")
def embedded_by_client(gallery, paths, queries, folder):
    """What the client itself makes of the queries and of the gallery's pictures; both of unit length."""
    report = gallery.export_tflite(folder / "model.tflite", SearcherOptions(separate=True))
    rows = []
    for path in paths:
        with Image.open(path) as image:
            rows.append(np.asarray(image.convert("RGB")))
    vectors = np.array(client("embed", report.path, images=[*queries, *rows]), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    return vectors[: len(queries)], vectors[len(queries) :]


def ids_of(answers):
    return [[json.loads(metadata)["id"] for metadata, _ in answer] for answer in answers]


def assert_exact(found, cosines, names):
    """Compare ordered ids with exact search; rows that rounding exchanges count as equal."""
    at = {name: number for number, name in enumerate(names)}
    positions = np.array([[at[name] for name in row] for row in found])
    assert all(len(set(row)) == _K for row in positions.tolist())
    scores = np.take_along_axis(cosines, positions, axis=1)
    np.testing.assert_allclose(scores, -np.sort(-cosines, axis=1)[:, :_K], atol=2e-6)


def test_the_client_finds_what_exact_search_over_its_own_embeddings_finds(
    floats, embedded_by_client, queries, paths, gallery
):
    told = client("search", floats.path, images=queries)
    asked, rows = embedded_by_client
    names = [hit.uri for hit in gallery.search(np.ones(1280), k=_ROWS)]
    assert set(names) == {str(path) for path in paths}
    by_uri = {hit.uri: hit.id for hit in gallery.search(np.ones(1280), k=_ROWS)}
    assert_exact(ids_of(told["answers"]), asked @ rows.T, [by_uri[str(path)] for path in paths])
    assert (floats.index, floats.recall, floats.failed) == ("float", 1.0, [])


def test_an_index_beside_the_model_answers_alike(floats, embedded_by_client, queries, folder):
    inside = client("search", floats.path, images=queries)["answers"]
    beside = client("search", folder / "model.tflite", folder / "model.ldb", images=queries)["answers"]
    assert inside == beside


def test_the_client_is_told_of_each_row_and_of_the_gallery(floats, queries, gallery):
    told = client("search", floats.path, images=queries[:1])
    first = json.loads(told["answers"][0][0][0])
    assert first.keys() == {"id", "label", "attributes"}
    assert first["label"] == first["attributes"]["folder"].rpartition("/")[2]
    about = json.loads(told["user_info"])
    assert (about["rows"], about["dim"], about["index"]) == (_ROWS, 1280, "float")
    assert about["recall"] == {"k": 10, "value": 1.0, "queries": floats.queries}
    assert about["encoder"]["name"] == "embedded"


@pytest.mark.parametrize("index", ["pq:block=4", "pq:block=8,leaves=6,fraction=0.5", "float:leaves=6,fraction=0.4"])
def test_codes_and_partitions_answer_as_the_search_here(gallery, folder, queries, index):
    report = gallery.export_tflite(folder / "kind.tflite", SearcherOptions(index=index))
    answers = client("search", report.path, images=queries)["answers"]
    here = PhoneSearcher(report.path).search_batch(queries, _K)
    agree = np.mean(
        [len({hit.id for hit in hits} & set(ids)) / _K for hits, ids in zip(here, ids_of(answers), strict=True)]
    )
    assert agree > 0.995  # codes make ties
    assert 0.5 < report.recall <= 1
    assert report.index.startswith(index.partition(":")[0])


def test_what_finds_most_within_a_size_is_chosen(gallery, folder, floats):
    small = gallery.export_tflite(folder / "small.tflite", SearcherOptions(max_bytes=floats.nbytes - 200_000))
    assert small.nbytes <= floats.nbytes - 200_000
    assert small.index.startswith("pq")
    large = gallery.export_tflite(folder / "large.tflite", SearcherOptions(max_bytes=floats.nbytes + 100_000))
    assert large.index == "float"
    with pytest.raises(InputError, match="the model alone has"):
        gallery.export_tflite(folder / "none.tflite", SearcherOptions(max_bytes=1_000_000))
    assert not (folder / "none.tflite").exists()


def test_weights_in_8_bits_search_rows_of_that_very_model(gallery, folder, floats, queries):
    report = gallery.export_tflite(folder / "int8.tflite", SearcherOptions(in_int8=True))
    assert report.path.stat().st_size < 0.5 * floats.nbytes
    answers = client("search", report.path, images=queries)["answers"]
    exact = client("search", floats.path, images=queries)["answers"]
    shared = [len(set(a) & set(b)) / _K for a, b in zip(ids_of(answers), ids_of(exact), strict=True)]
    assert np.mean(shared) > 0.7
    items = {hit.id: hit for hit in gallery.search(np.ones(1280), k=_ROWS)}
    own = [gallery.read(items[answer[0]]) for answer in ids_of(answers)[:3]]
    found = PhoneSearcher(report.path).search_batch(own, 1)
    assert [hits[0].score for hits in found] == pytest.approx([1.0] * 3, abs=1e-5)


def test_a_ready_model_takes_the_place_of_the_encoder(gallery, folder, queries):
    (folder / "ready.tflite").write_bytes(tiny(8))
    with pytest.raises(InputError, match="metadata do not say how pixels become its input"):
        gallery.export_tflite(folder / "with_ready.tflite", SearcherOptions(model=folder / "ready.tflite"))
    (folder / "ready.tflite").write_bytes(attach(tiny(8), ModelMetadata("tiny", "", (0.0,), (1.0,)).to_bytes()))
    report = gallery.export_tflite(folder / "with_ready.tflite", SearcherOptions(model=folder / "ready.tflite"))
    assert (report.dim, report.model) == (192, "ready")
    answers = client("search", report.path, images=queries)["answers"]
    here = PhoneSearcher(report.path).search_batch(queries, _K)
    assert ids_of(answers) == [[hit.id for hit in hits] for hits in here]


def test_rows_that_match_alone_are_exported(gallery, folder):
    report = gallery.export_tflite(folder / "few.tflite", where="label = 'healthy'")
    healthy = len(gallery.search(np.ones(1280), k=_ROWS, where="label = 'healthy'"))
    assert report.rows == healthy > 0
    with pytest.raises(InputError, match="cannot be exported"):
        gallery.export_tflite(folder / "none.tflite", where="label = 'nothing'")


def test_a_vanished_picture_is_told_and_the_others_are_exported(tmp_path, beans):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, path in enumerate(sorted((beans / "test").rglob("*.jpg"))[:4]):
        (photos / f"{number}.jpg").write_bytes(path.read_bytes())
    gallery = lookalike.open(photos)
    gallery.add(photos)
    (photos / "2.jpg").unlink()
    report = gallery.export_tflite(tmp_path / "s.tflite")
    assert report.rows == 3
    assert [os.path.basename(failure.uri) for failure in report.failed] == ["2.jpg"]  # noqa: PTH119


def test_what_a_phone_cannot_do_is_said(floats, queries, tmp_path):
    searcher = PhoneSearcher(floats.path)
    with pytest.raises(InputError, match="no options but k"):
        searcher.search_batch(queries[:1], 3, SearchOptions(where="label = 'x'"))
    with pytest.raises(InputError, match="asked with pictures"):
        searcher.search_batch(["id:1"], 3)
    whole = floats.path.read_bytes()
    for data, sentence in (
        (b"no model", "no TFLite model"),
        (whole[:4096], "damaged|model"),
        (whole[: len(whole) // 2], "."),
        (tiny(8), "without an index"),
    ):
        (tmp_path / "x.tflite").write_bytes(data)
        with pytest.raises(InputError, match=sentence):
            PhoneSearcher(tmp_path / "x.tflite")
