"""A conversion is recalled for the checkpoint that it was made from, and for no other."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from lookalike.encoders.base import EncoderSpec
from lookalike.encoders.checkpoint_notes import recall, remember, stamp
from lookalike.encoders.conversion_cache import store
from lookalike.encoders.loading import EncoderOptions

ABOUT = {"weights_digest": "ab", "pooling": "cls", "preprocessing": "processor", "revision": "c1"}
SPEC = EncoderSpec("owner/model", "", "ab", "cls", "processor", "f32", 4)


@pytest.fixture
def entry(tmp_path):
    return store(tmp_path / "cache", "e", lambda _: ABOUT)


@pytest.fixture
def model(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_bytes(b"0123")
    return tmp_path / "model"


def test_it_is_recalled_for_what_was_asked_and_what_that_came_to(tmp_path, entry, model):
    remember(tmp_path / "cache", str(model), EncoderOptions(), entry, stamp(str(model)))
    for options in (
        EncoderOptions(),
        EncoderOptions(pooling="cls"),
        EncoderOptions(preprocessing="processor", precision="bf16"),
        EncoderOptions(pooling="cls", preprocessing="processor", device="cpu", spec=SPEC),
    ):
        assert recall(tmp_path / "cache", str(model), options) == entry
    assert recall(tmp_path / "cache", str(model), EncoderOptions(pooling="mean")) is None
    assert recall(tmp_path / "cache", str(model), EncoderOptions(trust_remote_code=True)) is None
    assert recall(tmp_path / "cache", str(tmp_path / "other"), EncoderOptions()) is None


@pytest.mark.parametrize("change", ["size", "same size", "time put back", "new file", "gone"])
def test_a_changed_folder_is_another_checkpoint(change, tmp_path, entry, model):
    remember(tmp_path / "cache", str(model), EncoderOptions(), entry, stamp(str(model)))
    weights = model / "weights"
    before = weights.stat()
    if change == "size":
        weights.write_bytes(b"01234")
    elif change == "same size":
        weights.write_bytes(b"4321")
        os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    elif change == "time put back":
        other = model / "other"
        other.write_bytes(b"4321")
        other.replace(weights)
        os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "new file":
        (model / "more").touch()
    else:
        weights.unlink()
        model.rmdir()
    assert recall(tmp_path / "cache", str(model), EncoderOptions()) is None


def test_a_model_of_the_hub_is_recalled_by_its_weights_alone(tmp_path, entry):
    folder = tmp_path / "cache"
    remember(folder, "owner/model", EncoderOptions(), entry, stamp("owner/model"))
    assert recall(folder, "owner/model", EncoderOptions()) is None  # the hub may have another by now
    stored = EncoderOptions(pooling="cls", preprocessing="processor", spec=SPEC)
    assert recall(folder, "owner/model", stored) == entry
    assert recall(folder, "owner/model", replace(stored, spec=replace(SPEC, weights_digest="cd"))) is None


def test_a_damaged_conversion_is_not_recalled(tmp_path, entry, model):
    remember(tmp_path / "cache", str(model), EncoderOptions(), entry, stamp(str(model)))
    (entry.folder / "about.json").write_text("{")
    assert recall(tmp_path / "cache", str(model), EncoderOptions()) is None
