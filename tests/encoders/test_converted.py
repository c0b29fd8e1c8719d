"""A converted model takes the place of PyTorch only where it embeds alike."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lookalike.encoders.loading import load_encoder, load_encoder_for
from lookalike.encoders.probe import probe_images
from lookalike.errors import EncoderError

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.encoders import checkpoints  # needs torch


@pytest.fixture
def folder(tmp_path, monkeypatch) -> str:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    return str(checkpoints.save_vit(tmp_path / "model"))


@pytest.mark.parametrize(("least", "runtime"), [(0.99991, "openvino"), (0.99989, "torch")])
def test_in_single_precision_four_nines_are_asked_for(least, runtime, folder, tmp_path):
    load_encoder(folder, device="cpu")
    (noted,) = (tmp_path / "cache").rglob("checked-f32.json")
    assert json.loads(noted.read_text())["least_cosine"] > 0.99999
    noted.write_text(json.dumps({"least_cosine": least}))  # as on a machine that computes otherwise
    encoder = load_encoder(folder, device="cpu")
    assert encoder.runtime == runtime
    assert str(least) in encoder.runtime_reason


def test_f16_is_left_to_pytorch_and_a_space_of_its_own(folder):
    half = load_encoder(folder, precision="f16", device="cpu")
    full = load_encoder(folder, device="cpu")
    assert (half.runtime, half.spec.precision) == ("torch", "f16")
    assert "it computes in f32 and bf16 on a CPU, not in f16" in half.notice
    assert half.spec.space != full.spec.space
    vectors, exact = half.encode_images(probe_images()), full.encode_images(probe_images())
    assert vectors.dtype == np.float32
    assert 1e-5 < np.abs(vectors - exact).max() < 1e-2 * np.abs(exact).max()
    assert load_encoder_for(half.spec, device="cpu").spec == half.spec
    with pytest.raises(EncoderError, match=r"in f16: it computes in f32 and bf16 on a CPU.*use the runtime torch"):
        load_encoder(folder, precision="f16", runtime="openvino")
