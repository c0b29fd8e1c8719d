from __future__ import annotations

import numpy as np
import pytest

from lookalike.building.verification import check_length, check_precomputed
from lookalike.errors import InputError
from lookalike.images.limits import DEFAULT_LIMITS
from lookalike.sources.precomputed_arrays import array_embeddings
from tests.toys import ToyEncoder, pixels_of, plant, refuse, toy_embedding


@pytest.fixture
def paths(tmp_path):
    plant(tmp_path, range(10))
    return [str(path) for path in sorted(tmp_path.iterdir())]


VECTORS = np.stack([toy_embedding(pixels_of(seed)) for seed in range(10)])


def check(paths, vectors, encoder):
    source = array_embeddings(paths, vectors)
    check_precomputed(source, source, lambda: encoder, DEFAULT_LIMITS)


def test_a_few_pictures_are_embedded_again_whatever_the_length_of_the_vectors(paths):
    encoder = ToyEncoder()
    check(paths, 3 * VECTORS, encoder)
    assert 3 <= encoder.images < 10


@pytest.mark.parametrize("wrong", [0, 2])
def test_another_encoder_is_noticed(paths, wrong):
    vectors = VECTORS.copy()
    vectors[wrong] = vectors[wrong][::-1]
    with pytest.raises(InputError, match=rf"not made by toy .*{wrong:04d}\.png has a cosine of .*name the encoder"):
        check(paths, vectors, ToyEncoder())


def test_a_little_difference_is_none(paths):
    noise = np.random.default_rng(0).normal(size=VECTORS.shape)
    nearly = VECTORS + 0.05 * np.linalg.norm(VECTORS, axis=1, keepdims=True) * noise / np.sqrt(12)
    check(paths, nearly, ToyEncoder())


def test_what_is_not_at_hand_or_no_embedding_is_passed_over(paths, tmp_path):
    vectors = VECTORS.copy()
    vectors[0] = np.nan
    (tmp_path / "0001.png").write_bytes(b"no picture")
    vectors[1] = 1
    (tmp_path / "0002.png").unlink()
    vectors[2] = 1
    encoder = ToyEncoder()
    check(paths, vectors, encoder)
    assert encoder.images >= 3


def test_without_pictures_no_encoder_is_needed(paths):
    source = array_embeddings([f"item {number}" for number in range(10)], VECTORS)
    check_precomputed(source, source, refuse, DEFAULT_LIMITS)


def test_lengths_are_compared():
    check_length(12, 12, "x.npy", "the gallery")
    with pytest.raises(
        InputError, match=r"x\.npy: its embeddings have 8 numbers each, and those of the gallery have 12; name"
    ):
        check_length(8, 12, "x.npy", "the gallery")
