"""The search here and that of the client give the same answers, in the same order."""

from __future__ import annotations

import io

import numpy as np
import pytest

from lookalike.arrays import normalised
from lookalike.mobile import index_search
from lookalike.mobile.index_file import OnDeviceIndex
from lookalike.mobile.index_training import encode, partition, train_codebook
from lookalike.mobile.model_file import attach
from lookalike.mobile.model_metadata import ModelMetadata
from tests.mobile.searchers import client, tiny

SIDE = 8
DIM = SIDE * SIDE * 3
COUNT = 700


def pictures(count, seed):
    """Return pictures near a few others, so that neighbours are not all as far."""
    random = np.random.default_rng(seed)
    kinds = np.random.default_rng(9).integers(0, 200, (15, SIDE, SIDE, 3))
    noise = random.integers(0, 50, (count, SIDE, SIDE, 3))
    return (kinds[random.integers(0, len(kinds), count)] + noise).astype(np.uint8)


def embedded(images):
    return normalised(images.reshape(len(images), -1).astype(np.float32))


ROWS = embedded(pictures(COUNT, 1))
QUERIES = pictures(40, 2)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, is_unit in (("unit", True), ("free", False)):
        content = attach(tiny(SIDE, is_unit=is_unit), ModelMetadata("tiny", "", (0.0,), (1.0,)).to_bytes())
        (folder / f"{name}.tflite").write_bytes(content)
    return folder


def index_of(leaves, fraction, block, *, is_dot=False):
    parts = partition(ROWS, leaves, training=ROWS)
    codebook = train_codebook(ROWS, block) if block else ()
    stored = (encode(ROWS, codebook) if block else ROWS)[parts.order]
    metadata = [str(row).encode() for row in parts.order]
    centres = parts.centres if leaves > 1 else None
    return OnDeviceIndex(stored, DIM, metadata, b"", parts.offsets, centres, fraction, codebook, is_dot)


def asked_of_client(models, index, *, name="unit", k=10):
    path = models / "index.ldb"
    with path.open("wb") as stream:
        index.write(stream)
    return client("search", models / f"{name}.tflite", path, k, images=list(QUERIES))["answers"]


@pytest.mark.parametrize("block", [0, 4, 7])
@pytest.mark.parametrize(("leaves", "fraction"), [(1, 1.0), (15, 1.0), (15, 0.2), (15, 0.01)])
def test_the_client_answers_alike(models, leaves, fraction, block):
    index = index_of(leaves, fraction, block)
    ours = index_search.search(index, embedded(QUERIES), 10)
    for answer, positions, scores in zip(asked_of_client(models, index), ours.positions, ours.scores, strict=True):
        assert len(answer) == (positions >= 0).sum()
        distances = [distance for _, distance in answer]
        np.testing.assert_allclose(distances, -scores[: len(answer)], atol=2e-6)
        names = [index.metadata[position].decode() for position in positions if position >= 0]
        if block:  # codes make ties, which the client leaves in any order
            names, answer = sorted(names[:-1]), [pair for pair in answer if pair[1] < distances[-1] - 2e-6]
            assert {name for name, _ in answer} <= set(names)
        else:
            assert [name for name, _ in answer] == names


def assert_exact(found, cosines):
    """Compare ten ordered rows of each query with exact search; rows that rounding exchanges count as equal."""
    found = np.array(found)
    assert found.shape == (len(cosines), 10)
    assert all(len(set(row)) == 10 for row in found.tolist())
    np.testing.assert_allclose(
        np.take_along_axis(cosines, found, axis=1), -np.sort(-cosines, axis=1)[:, :10], atol=1e-6
    )


def test_floats_without_partitions_are_found_exactly(models):
    answers = asked_of_client(models, index_of(1, 1.0, 0))
    assert_exact([[int(name) for name, _ in answer] for answer in answers], embedded(QUERIES) @ ROWS.T)


def test_a_model_without_normalisation_is_searched_by_inner_products(models):
    index = index_of(1, 1.0, 0, is_dot=True)
    cosines = embedded(QUERIES) @ ROWS.T
    answers = asked_of_client(models, index, name="free")
    assert_exact([[int(name) for name, _ in answer] for answer in answers], cosines)
    raw = QUERIES.reshape(len(QUERIES), -1).astype(np.float32)
    assert_exact(index_search.search(index, raw, 10).positions, cosines)


def test_codes_are_compared_with_the_query_as_it_is():
    """Asymmetric distances by their definition: to the reconstructed row."""
    index = index_of(1, 1.0, 7)
    rows = np.concatenate([centres[index.rows[:, s]] for s, centres in enumerate(index.codebook)], axis=1)
    distances = np.square(embedded(QUERIES)[:, None] - rows[None]).sum(axis=2)
    found = index_search.search(index, embedded(QUERIES), 10)
    np.testing.assert_allclose(-found.scores, np.sort(distances, axis=1)[:, :10], atol=1e-5)


def test_fewer_rows_than_asked_for_are_padded():
    index = OnDeviceIndex(ROWS[:3], DIM, [b""] * 3)
    found = index_search.search(index, embedded(QUERIES[:1]), 5)
    assert sorted(found.positions[0, :3]) == [0, 1, 2]
    assert found.positions[0, 3:].tolist() == [-1, -1]


def test_no_row_is_lost_where_an_index_is_searched_in_parts(monkeypatch):
    index = index_of(1, 1.0, 0)
    whole = index_search.search(index, embedded(QUERIES), 10)
    monkeypatch.setattr(index_search, "_NUMBERS", DIM * 7)
    parts = index_search.search(index, embedded(QUERIES), 10)
    np.testing.assert_array_equal(parts.positions, whole.positions)
    assert io.BytesIO(parts.scores.tobytes()).getvalue() == whole.scores.tobytes()
