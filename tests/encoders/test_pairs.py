"""An encoder of images and texts does with images all that its encoder of images does."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from PIL import Image

from lookalike.encoders.base import KeptEncoder, StagedEncoder, TextEncoder
from lookalike.encoders.loading import load_encoder
from lookalike.encoders.pairs import PairEncoder
from lookalike.encoders.staging import batches_at_once

datasets = pytest.importorskip("datasets")
pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.encoders import checkpoints  # noqa: E402  # needs torch


@pytest.fixture
def paths(beans) -> list[str]:
    return [str(path) for path in sorted((beans / "test").rglob("*.jpg"))[:5]]


@pytest.fixture
def rows(paths):
    return datasets.Dataset.from_dict({"image": paths}).cast_column("image", datasets.Image())


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
@pytest.mark.parametrize("save", [checkpoints.save_clip, checkpoints.save_siglip])
def test_a_pair_maps_a_data_set(save, runtime, paths, rows, tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    encoder = load_encoder(str(save(tmp_path / "model")), runtime=runtime, device="cpu")
    assert isinstance(encoder, PairEncoder)
    assert batches_at_once(encoder) == batches_at_once(encoder.images)
    pixels = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    expected = encoder.encode_images(pixels)
    mapped = rows.map(encoder.as_map_function(), batched=True, batch_size=2)
    np.testing.assert_allclose(np.array(mapped["embedding"]), expected, rtol=1e-4, atol=1e-5)
    elsewhere = pickle.loads(pickle.dumps(encoder.as_map_function(embedding_column="vector")))
    again = np.array(rows.map(elsewhere, batched=True)["vector"])
    np.testing.assert_allclose(again, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_a_pair_is_all_that_an_encoder_can_be(runtime, tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    encoder = load_encoder(str(checkpoints.save_clip(tmp_path / "model")), runtime=runtime, device="cpu")
    assert all(isinstance(encoder, protocol) for protocol in (StagedEncoder, TextEncoder, KeptEncoder))
    assert encoder.runtime == runtime
    assert encoder.runtime_reason
    assert encoder.notice == ""
    assert encoder.encode_texts([]).shape == (0, encoder.spec.dim)
    encoder.keep_in(tmp_path / "kept")  # it can be made again
    assert not (tmp_path / "kept").exists()
