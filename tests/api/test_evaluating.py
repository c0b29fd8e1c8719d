"""Evaluation as a caller sees it, against the hits of searches counted one by one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

import lookalike
from lookalike.errors import InputError, SourceError, StoreMissingError
from tests.building.sources import MemorySource
from tests.toys import ToyEncoder, plant, png


@pytest.fixture
def photos(tmp_path):
    plant(tmp_path / "photos" / "a", range(7))
    plant(tmp_path / "photos" / "b", range(7, 12))
    plant(tmp_path / "photos" / "alone", [12])
    return tmp_path / "photos"


@pytest.fixture
def queries(tmp_path):
    plant(tmp_path / "queries" / "a", range(20, 24))
    plant(tmp_path / "queries" / "b", range(24, 26))
    return tmp_path / "queries"


@pytest.fixture
def gallery(photos):
    gallery = lookalike.open(photos, encoder=ToyEncoder())
    gallery.add(photos)
    return gallery


def by_searching(gallery, paths):
    """Return P@1, P@5, mAP and MRR of files whose folder is their label, from the hits of a search for all items."""
    measured = []
    for path in paths:
        hits = gallery.search(path, k=99)
        right = np.array([hit.attributes["folder"] == path.parent.name for hit in hits])
        average = average_precision_score(right, -np.arange(len(right)))
        measured.append([right[0], right[:5].sum() / 5, average, 1 / (1 + right.argmax())])
    return np.mean(measured, axis=0).tolist()


def figures(found):
    values = found.to_dict()
    return [values["precision"]["1"], values["precision"]["5"], values["map"], values["mrr"]]


def test_queries_of_a_folder_are_judged_by_what_a_search_finds(gallery, queries):
    found = gallery.evaluate(queries, label_from="parent")
    assert figures(found) == pytest.approx(by_searching(gallery, sorted(queries.rglob("*.png"))), abs=1e-6)
    values = found.to_dict()
    assert (values["queries"], values["gallery_size"], values["judged_by"]) == (6, 13, "labels")
    assert {name: card["queries"] for name, card in values["per_label"].items()} == {"a": 4, "b": 2}
    assert {name: card["gallery_size"] for name, card in values["per_label"].items()} == {"a": 7, "b": 5}
    assert values["chance"] == pytest.approx((4 * 7 + 2 * 5) / 6 / 13, abs=1e-6)
    assert len(gallery) == 13  # nothing was added
    for label in ("a", "b"):
        part = by_searching(gallery, sorted((queries / label).glob("*.png")))
        assert values["per_label"][label]["map"] == pytest.approx(part[2], abs=1e-6)


def test_the_gallery_asks_itself_and_no_item_finds_itself(gallery, photos):
    asking = [path for path in sorted(photos.rglob("*.png")) if path.parent.name != "alone"]
    for queries in (None, gallery):
        found = gallery.evaluate(queries, label_from="parent", k=[1, 5])
        assert figures(found) == pytest.approx(by_searching(gallery, asking), abs=1e-6)
        assert found.left_out.unmatched == {"alone": 1}
        assert all(example.id not in example.hits.ids for example in found.worst)
    # items that are named as queries are themselves as well
    assert figures(gallery.evaluate(photos, label_from="parent")) == pytest.approx(figures(found))
    # when they were indexed, by the searches here, and those that were named: their own embeddings ask for themselves
    assert gallery.encoder.images == 13 + 2 * 12 + 13


def test_a_sample_is_the_same_each_time_and_of_both_kinds_of_queries(gallery, photos, queries):
    few = [gallery.evaluate(label_from="parent", sample=4).to_dict() for _ in range(2)]
    assert few[0] == few[1]
    assert few[0]["queries"] + sum(few[0]["left_out"]["unmatched"].values()) == 4
    assert gallery.evaluate(queries, label_from="parent", sample=3).queries == 3


def test_what_cannot_be_judged_is_counted_apart(gallery, queries):
    plant(queries / "zebra", [30, 31])
    (queries / "a" / "broken.png").write_bytes(b"no picture")
    found = gallery.evaluate(queries, label_from="parent")
    assert (found.queries, found.left_out.unmatched, found.left_out.unlabelled) == (6, {"zebra": 2}, 0)
    (failure,) = found.left_out.failed
    assert failure.uri.endswith("broken.png")
    assert "not a picture" in failure.reason
    assert found.left_out.sentences() == [
        "2 with a label that no other item of the gallery has (zebra)",
        "1 that cannot be read",
    ]


def test_labels_of_a_source_are_found_among_those_of_the_gallery(photos):
    gallery = lookalike.open(photos, encoder=ToyEncoder())
    gallery.add(photos, label_from="parent")
    images = {str(seed): png(seed) for seed in range(40, 45)}
    labels = {"40": {"label": "a"}, "41": {"label": "b"}, "42": {"label": None}, "43": {"label": "?"}, "44": {}}
    found = gallery.evaluate(MemorySource(images, labels))
    assert found.subject.label_column == "label"
    assert found.queries == 2
    assert (found.left_out.unlabelled, found.left_out.unmatched) == (2, {"?": 1})
    # the attribute that is named for the queries need not exist in the gallery, which has its own labels
    species = {name: {"species": values.get("label")} for name, values in labels.items()}
    named = gallery.evaluate(MemorySource(images, species), label_from="species")
    assert figures(named) == figures(found)


def test_rows_of_a_data_set_ask_by_its_class_labels(photos):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
    rows = {"image": [{"bytes": png(seed), "path": None} for seed in range(60, 65)], "label": [0, 1, 0, 1, 1]}
    gallery = lookalike.open(photos, encoder=ToyEncoder())
    gallery.add(photos, label_from="parent")
    found = gallery.evaluate(datasets.Dataset.from_dict(rows, features=features))
    assert {name: card.queries for name, card in found.groups.items()} == {"a": 2, "b": 3}
    assert all(example.section().query.pixels is not None for example in found.worst)


def test_a_rule_of_the_gallery_labels_queries_that_it_covers(photos):
    gallery = lookalike.open(photos, encoder=ToyEncoder())
    gallery.add(photos, label_from="parent")
    plant(photos / "b", [50])  # not indexed yet
    assert gallery.evaluate(photos / "b").overall.queries == 6


def test_the_confusion_counts_the_labels_of_the_nearest(gallery, queries):
    found = gallery.evaluate(queries, label_from="parent")
    expected = {"a": {}, "b": {}}
    for path in sorted(queries.rglob("*.png")):
        nearest = gallery.search(path, k=1)[0].attributes["folder"]
        row = expected[path.parent.name]
        row[nearest] = row.get(nearest, 0) + 1
    assert found.confusion == expected


def test_worst_and_best_come_with_their_hits(gallery, queries):
    found = gallery.evaluate(queries, label_from="parent")
    assert len(found.worst) == len(found.best) == 6
    right = [sum(example.matches) for example in found.worst]
    assert right == sorted(right)
    assert {example.id for example in found.worst} == {example.id for example in found.best}
    for example in found.worst:
        search = gallery.search(queries / example.group / example.id.rpartition("/")[2], k=5)
        assert example.hits.ids == search.ids
        assert example.hits.scores == pytest.approx(search.scores, abs=1e-6)
        assert list(example.labels) == [hit.attributes["folder"] for hit in search]
        assert list(example.matches) == [label == example.group for label in example.labels]
        assert example.section().query.pixels is not None  # its file was read before it could go


def test_mistakes_say_what_to_do(gallery, queries, tmp_path):
    with pytest.raises(StoreMissingError):
        lookalike.open(tmp_path / "none").evaluate()
    with pytest.raises(SourceError, match="no such file"):
        gallery.evaluate(tmp_path / "gone", label_from="parent")
    with pytest.raises(InputError, match="at least 1"):
        gallery.evaluate(queries, label_from="parent", k=[0])
    with pytest.raises(InputError, match="has no attribute 'species'"):
        gallery.evaluate(queries, label_from="species")
    with pytest.raises(InputError, match="no item of the gallery has a value of 'species'"):
        gallery.evaluate(label_from="species")
    with pytest.raises(InputError, match="none of the queries has a value of 'label'"):
        gallery.evaluate(MemorySource({"1": png(1)}, {"1": {"label": None}}), label_from="label")
    with pytest.raises(InputError, match=r"items of the gallery .* have none.*--label-from"):
        gallery.evaluate(MemorySource({"1": png(1)}, {"1": {"label": "a"}}))
    with pytest.raises(InputError, match=r"'zebra'.*--label-from"):
        gallery.evaluate(MemorySource({"1": png(1)}, {"1": {"folder": "zebra"}}), label_from="parent")
    (queries / "only").mkdir()
    (queries / "only" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"none of the queries can be read; the first: .*broken.png"):
        gallery.evaluate(queries / "only", label_from="parent")
