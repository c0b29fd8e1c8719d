"""Galleries of embeddings that were made elsewhere."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lookalike
from lookalike.errors import EncoderError, InputError, SourceError, SpaceMismatchError
from tests.search.galleries import plain_search
from tests.toys import ToyEncoder, pixels_of, plant, png, toy_embedding

VECTORS = np.stack([toy_embedding(pixels_of(seed)) for seed in range(8)])
NAMES = [f"photos/{seed:04d}.png" for seed in range(8)]


class Table:
    """A Parquet file of the eight embeddings, which can be written anew."""

    def __init__(self, folder):
        self.path = folder / "e.parquet"

    def write(self, vectors=VECTORS, names=NAMES, **columns):
        lists = [None if vector is None else np.asarray(vector).tolist() for vector in vectors]
        columns = {"path": names, "vector": pa.array(lists, pa.list_(pa.float32())), **columns}
        pq.write_table(pa.table(columns), self.path)

    def add_to(self, gallery):
        report = gallery.add(self.path, embedding_column="vector")
        return report.added, report.updated, report.unchanged, report.removed, len(report.failed)


@pytest.fixture
def table(tmp_path):
    plant(tmp_path / "photos", range(8))
    table = Table(tmp_path)
    table.write(label=[f"l{seed % 2}" for seed in range(8)])
    return table


@pytest.fixture
def gallery(tmp_path):
    return lookalike.open(tmp_path)


def test_ids_and_vectors_find_what_is_nearest(table, gallery):
    assert table.add_to(gallery) == (8, 0, 0, 0, 0)
    assert (gallery.spec.name, gallery.spec.dim) == ("precomputed", 12)
    truth = plain_search(dict(zip(NAMES, VECTORS, strict=True)), VECTORS[3], 4)
    assert gallery.search(VECTORS[3], k=4).ids == [item for item, _ in truth]
    hits = gallery.search(f"id:{NAMES[3]}", k=3)
    assert hits.ids == [item for item, _ in truth[1:]]
    assert hits.labels == [f"l{int(item[-5]) % 2}" for item in hits.ids]
    assert gallery.read(hits[0]) == png(int(hits[0].id[-5]))  # the pictures are known by their bytes


@pytest.mark.parametrize("query", ["photos/0003.png", "words", pixels_of(3)], ids=["file", "words", "pixels"])
def test_pictures_and_words_are_refused_with_the_remedy(table, gallery, tmp_path, monkeypatch, query):
    monkeypatch.chdir(tmp_path)
    table.add_to(gallery)
    with pytest.raises(EncoderError, match="ask with id:ID or a vector, or index the embeddings into a new gallery"):
        gallery.search(query)


def test_pictures_without_embeddings_cannot_join_them(table, gallery, tmp_path):
    table.add_to(gallery)
    plant(tmp_path / "others", [9])
    with pytest.raises(EncoderError, match="holds precomputed embeddings"):
        gallery.add(tmp_path / "others")
    with pytest.raises(SpaceMismatchError):
        lookalike.open(tmp_path, encoder=ToyEncoder()).search("photos/0003.png")


def test_running_again_follows_the_table_row_by_row(table, gallery):
    table.add_to(gallery)
    assert table.add_to(gallery) == (0, 0, 8, 0, 0)
    changed = VECTORS.copy()
    changed[2] += 50
    table.write(changed[:7], NAMES[:7], label=[f"l{seed % 2}" for seed in range(7)])
    assert table.add_to(gallery) == (0, 1, 6, 1, 0)
    np.testing.assert_array_equal(gallery.embed(f"id:{NAMES[2]}"), changed[2])
    table.write(changed, NAMES, label=["l0"] * 8)
    assert table.add_to(gallery) == (1, 3, 4, 0, 0)
    assert gallery.search(changed[2], k=1).ids == [NAMES[2]]


def test_what_else_is_in_the_gallery_stays(table, gallery, tmp_path):
    np.save(tmp_path / "more.npy", VECTORS[:2] + 1)
    assert gallery.add(tmp_path / "more.npy").added == 2
    assert table.add_to(gallery) == (8, 0, 0, 0, 0)
    np.save(tmp_path / "more.npy", VECTORS[:1] + 1)
    report = gallery.add(tmp_path / "more.npy")
    assert (report.unchanged, report.removed, report.total) == (1, 1, 9)


def test_vectors_that_nothing_is_like_are_listed_with_reasons(table, gallery):
    spoiled = [*VECTORS[:3], np.full(12, np.nan), np.full(12, np.inf), np.zeros(12), np.ones(5), None]
    table.write(spoiled)
    assert table.add_to(gallery) == (3, 0, 0, 0, 5)
    assert [(item.id, item.reason) for item in gallery.failures()] == [
        (NAMES[3], "its embedding holds values that are not finite (NaN or infinity)"),
        (NAMES[4], "its embedding holds values that are not finite (NaN or infinity)"),
        (NAMES[5], "its embedding is all zeros"),
        (NAMES[6], "its embedding has 5 numbers, not 12"),
        (NAMES[7], "it has no embedding"),
    ]
    assert table.add_to(gallery) == (0, 0, 3, 0, 5)
    table.write()
    assert table.add_to(gallery) == (5, 0, 3, 0, 0)
    assert gallery.failures() == []
    table.write(spoiled[:5], NAMES[:5])  # of what is bad now and was good, the good form stays
    assert table.add_to(gallery) == (0, 0, 3, 3, 2)


def test_with_their_encoder_pictures_are_asked_with_too(table, tmp_path):
    encoder = ToyEncoder()
    gallery = lookalike.open(tmp_path, encoder=encoder)
    assert table.add_to(gallery) == (8, 0, 0, 0, 0)
    embedded = encoder.images
    assert gallery.spec.name == "toy"
    assert gallery.search(tmp_path / "photos" / "0003.png", k=1, include_self=True).scores == pytest.approx([1.0])
    assert table.add_to(gallery) == (0, 0, 8, 0, 0)
    assert encoder.images == embedded + 1  # the query, and nothing of the second run
    plant(tmp_path / "photos", range(10))
    assert gallery.add(tmp_path / "photos").embedded == 2  # those that came with embeddings are known by their bytes


def test_embeddings_of_another_encoder_are_refused_and_no_gallery_is_made(table, tmp_path):
    table.write(VECTORS[:, ::-1])
    gallery = lookalike.open(tmp_path, encoder=ToyEncoder())
    with pytest.raises(InputError, match=r"e\.parquet: its embeddings were not made by toy"):
        table.add_to(gallery)
    table.write(VECTORS[:, :5])
    with pytest.raises(InputError, match="have 5 numbers each, and those of the encoder toy have 12"):
        table.add_to(gallery)
    assert not gallery.path.exists()
    table.write()
    table.add_to(gallery)
    table.write([*VECTORS[:4], *VECTORS[4:, ::-1]])  # only what has changed is looked at
    with pytest.raises(InputError, match=r"not made by toy .*0004\.png"):
        table.add_to(gallery)
    table.write(VECTORS[:, :5])
    with pytest.raises(InputError, match="have 5 numbers each, and those of the gallery have 12"):
        table.add_to(gallery)
    assert len(gallery) == 8


def test_pictures_need_not_be_there(table, gallery, tmp_path):
    for path in (tmp_path / "photos").iterdir():
        path.unlink()
    assert table.add_to(gallery) == (8, 0, 0, 0, 0)
    assert table.add_to(gallery) == (0, 0, 8, 0, 0)
    with pytest.raises(SourceError, match="no such file"):
        gallery.read(gallery.search(VECTORS[0], k=1)[0])
    plant(tmp_path / "photos", [0])
    assert table.add_to(gallery) == (0, 1, 7, 0, 0)
    assert gallery.read(gallery.search(VECTORS[0], k=1)[0]) == png(0)


def test_pictures_in_the_table_are_kept_as_thumbnails(table, gallery):
    pq.write_table(pa.table({"image": [png(1), b"bad", None], "vector": VECTORS[:3].tolist()}), table.path)
    assert table.add_to(gallery) == (3, 0, 0, 0, 0)
    hits = gallery.search(VECTORS[0], k=1)
    assert hits.ids == ["e.parquet#0"]
    assert gallery.read(hits[0])[:2] == b"\xff\xd8"


def test_arrays_are_added_and_others_stay(gallery, tmp_path):
    plant(tmp_path, [0])
    uris = [str(tmp_path / "0000.png"), "https://example.org/1.png"]
    report = gallery.add_embeddings(["a", "b"], VECTORS[:2], attributes=[{"n": 1}, {"n": 2}], uris=uris)
    assert (report.added, report.total) == (2, 2)
    assert gallery.add_embeddings(["c"], VECTORS[2:3].tolist()).total == 3
    report = gallery.add_embeddings(["a", "c"], VECTORS[[0, 3]], attributes=[{"n": 1}, {"n": 3}], uris=[uris[0], "c"])
    assert (report.unchanged, report.updated, report.removed, report.total) == (1, 1, 0, 3)
    hits = gallery.search(VECTORS[0], k=3, where="n < 3")
    assert hits.ids[0] == "a"
    assert [hit.attributes["n"] for hit in hits] == [1, 2]
    assert gallery.read(hits[0]) == png(0)
    failed = gallery.add_embeddings(["d"], np.zeros((1, 12))).failed
    assert [failure.reason for failure in failed] == ["its embedding is all zeros"]
    with pytest.raises(InputError, match="no direction to compare by cosine"):
        gallery.search(np.zeros(12))
    nearest = np.argmin(np.linalg.norm(VECTORS[[0, 1, 3]], axis=1))
    assert gallery.search(np.zeros(12), k=1, metric="l2").ids == [["a", "b", "c"][nearest]]
    with pytest.raises(InputError, match="have 3 numbers each, and those of the gallery have 12"):
        gallery.add_embeddings(["e"], np.ones((1, 3)))


def test_embeddings_join_a_gallery_of_pictures(tmp_path):
    plant(tmp_path / "photos", range(4))
    gallery = lookalike.open(tmp_path, encoder=ToyEncoder())
    gallery.add(tmp_path / "photos")
    assert gallery.add_embeddings(["x"], VECTORS[7:]).total == 5
    assert gallery.search(pixels_of(7), k=1).ids == ["x"]
    with pytest.raises(InputError, match="not made by toy"):
        gallery.add_embeddings([NAMES[1]], VECTORS[7:], uris=[str(tmp_path / NAMES[1])])


def test_rows_that_are_gone_are_removed_with_labels_and_from_several_tables(table, gallery, tmp_path):
    other = tmp_path / "other.parquet"
    tables = [table.path, other]
    pq.write_table(pa.table({"id": ["x", "y"], "folder": ["f", "f"], "vector": VECTORS[:2].tolist()}), other)
    report = gallery.add(tables, embedding_column="vector", label_from="parent")
    assert (report.added, report.removed) == (10, 0)
    assert set(gallery.search(VECTORS[0], k=10).labels) == {"photos", "f"}
    table.write(VECTORS[:6], NAMES[:6], label=["l0"] * 6)
    pq.write_table(pa.table({"id": ["y"], "folder": ["f"], "vector": VECTORS[1:2].tolist()}), other)
    report = gallery.add(tables, embedding_column="vector", label_from="parent")
    assert (report.removed, report.unchanged, report.total) == (3, 7, 7)
    report = gallery.add(tables, embedding_column="vector")  # labels are remembered
    assert (report.removed, report.unchanged, report.updated) == (0, 7, 0)
    table.write(VECTORS[:5], NAMES[:5], label=["l0"] * 5)
    assert gallery.add(tables, embedding_column="vector").removed == 1
