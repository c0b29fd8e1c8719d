from __future__ import annotations

from dataclasses import replace

import pytest

from lookalike.api.encoder_choice import EncoderChoice, check_space
from lookalike.encoders.loading import EncoderOptions
from lookalike.errors import SpaceMismatchError
from tests.toys import ToyEncoder

SPEC = replace(ToyEncoder().spec, name="efficientnet-lite0", pooling="average", preprocessing="crop", precision="f32")


@pytest.mark.parametrize(
    "choice",
    [
        EncoderChoice(),
        EncoderChoice("embedded"),
        EncoderChoice("efficientnet-lite0"),
        EncoderChoice("embedded", EncoderOptions(pooling="average", preprocessing="crop", precision="f32")),
        EncoderChoice(None, EncoderOptions(device="cuda")),
        EncoderChoice(None, EncoderOptions(pooling="mean")),  # of a feature map it is the average
    ],
)
def test_what_agrees_passes_without_loading_anything(choice):
    choice.check(SPEC)


@pytest.mark.parametrize(
    ("choice", "differing"),
    [
        (EncoderChoice("google/vit"), "google/vit"),
        (EncoderChoice(None, EncoderOptions(pooling="cls")), "cls pooling"),
        (EncoderChoice("embedded", EncoderOptions(precision="bf16")), "bf16"),
        (EncoderChoice("a/b", EncoderOptions(preprocessing="processor")), "a/b, processor preprocessing"),
    ],
)
def test_what_differs_is_named(choice, differing):
    with pytest.raises(SpaceMismatchError, match=f"not by {differing}: leave the encoder options out"):
        choice.check(SPEC)
    with pytest.raises(SpaceMismatchError):
        choice.load(SPEC)


def test_a_folder_is_the_same_however_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    EncoderChoice("model").check(replace(SPEC, name=str(tmp_path / "model")))
    EncoderChoice("./model/").check(replace(SPEC, name=str(tmp_path / "model")))


@pytest.mark.parametrize("part", ["weights_digest", "pooling", "preprocessing", "precision"])
def test_spaces_differ_in_what_changes_embeddings(part):
    with pytest.raises(SpaceMismatchError) as raised:
        check_space(SPEC, replace(SPEC, **{part: "other"}))
    held, _, given = str(raised.value).partition(", not by ")
    assert "other" in given
    assert "other" not in held


@pytest.mark.parametrize("part", ["name", "revision"])
def test_spaces_do_not_differ_by_names(part):
    check_space(SPEC, replace(SPEC, **{part: "other"}))
