"""`lookalike index` of embeddings that are there already."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lookalike.encoders.loading import load_encoder
from lookalike.encoders.staging import embed_image
from tests.cli.command import lookalike, lookalike_json, mistake


@pytest.fixture(scope="module")
def leaves(beans):
    paths = sorted((beans / "test" / "healthy").iterdir())[:6]
    encoder = load_encoder()
    return paths, np.concatenate([embed_image(encoder, path.read_bytes()) for path in paths])


@pytest.fixture
def table(leaves, tmp_path):
    paths, vectors = leaves
    pq.write_table(pa.table({"path": list(map(str, paths)), "clip": vectors.tolist()}), tmp_path / "e.parquet")
    return ["e.parquet", "--embedding-column", "clip"]


def test_without_an_encoder_ids_are_asked_with(leaves, table, tmp_path):
    report = lookalike_json("index", *table, cwd=tmp_path)
    assert (report["encoder"], report["dim"], report["added"], report["failed"]) == ("precomputed", 1280, 6, [])
    again = lookalike_json("index", *table, cwd=tmp_path)
    assert (again["unchanged"], again["added"], again["updated"], again["removed"]) == (6, 0, 0, 0)
    found = lookalike_json("search", f"id:{leaves[0][2]}", "--save", "hits.png", cwd=tmp_path)
    assert len(found["hits"]) == 5
    assert (tmp_path / "hits.png").stat().st_size > 10_000
    told = mistake("search", leaves[0][2], cwd=tmp_path)
    assert "holds precomputed embeddings and no encoder" in told
    assert "--encoder" in told


def test_with_their_encoder_hits_are_those_of_the_pictures(leaves, table, tmp_path):
    assert lookalike_json("index", *table, "-e", "embedded", "-g", "given", cwd=tmp_path)["encoder"] == "embedded"
    lookalike("index", *leaves[0], "-g", "made", cwd=tmp_path)
    given, made = (
        lookalike_json("search", leaves[0][0], "-g", name, cwd=tmp_path)["hits"] for name in ("given", "made")
    )
    assert [hit["id"] for hit in given] == [hit["id"] for hit in made]
    assert [hit["score"] for hit in given] == pytest.approx([hit["score"] for hit in made], abs=1e-5)


def test_an_array_with_names_beside_it(leaves, tmp_path):
    np.save(tmp_path / "e.npy", leaves[1])
    (tmp_path / "e.txt").write_text("\n".join(map(str, leaves[0])))
    assert lookalike_json("index", "e.npy", cwd=tmp_path)["added"] == 6
    hits = lookalike_json("search", f"id:{leaves[0][0]}", "-k", "2", cwd=tmp_path)["hits"]
    assert [hit["uri"] for hit in hits] == [hit["id"] for hit in hits]


def test_mistakes_are_told_in_a_sentence_and_make_no_gallery(leaves, table, tmp_path):
    assert "did you mean 'clip'?" in mistake("index", "e.parquet", "--embedding-column", "clips", cwd=tmp_path)
    assert "did you mean" in mistake("index", "f.parquet", "--embedding-column", "clip", cwd=tmp_path)
    shuffled = leaves[1][:, ::-1].tolist()
    pq.write_table(pa.table({"path": list(map(str, leaves[0])), "clip": shuffled}), tmp_path / "e.parquet")
    assert "were not made by embedded" in mistake("index", *table, "-e", "embedded", cwd=tmp_path)
    assert not (tmp_path / ".lookalike").exists()
