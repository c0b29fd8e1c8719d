from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest

import lookalike
from lookalike.api.encoder_choice import EncoderChoice, check_space
from lookalike.encoders.loading import CHOICES, EncoderOptions
from lookalike.errors import InputError, SpaceMismatchError, UnknownNameError
from tests.toys import ToyEncoder, plant

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
        (EncoderChoice(None, EncoderOptions(pooling="cls")), "pooling cls"),
        (EncoderChoice("embedded", EncoderOptions(precision="bf16")), "precision bf16"),
        (EncoderChoice("a/b", EncoderOptions(preprocessing="processor")), "a/b, preprocessing processor"),
    ],
)
def test_what_differs_is_named(choice, differing):
    with pytest.raises(SpaceMismatchError, match=f"not by {differing}: leave the encoder options out"):
        choice.check(SPEC)
    with pytest.raises(SpaceMismatchError):
        choice.load(SPEC)


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (
            EncoderChoice(None, EncoderOptions(pooling="nonsense")),
            "no pooling named 'nonsense'; known: auto, average, cls",
        ),
        (EncoderChoice(None, EncoderOptions(precision="bf61")), "no precision named 'bf61'; did you mean 'bf16'"),
        (
            EncoderChoice("embeded", EncoderOptions(pooling="cls")),
            "no encoder named 'embeded'; did you mean 'embedded'",
        ),
    ],
)
def test_what_nothing_has_is_no_mismatch(choice, sentence):
    with pytest.raises(UnknownNameError, match=sentence):
        choice.check(SPEC)


@pytest.mark.parametrize("pooling", ["cls@-4", "mean@6", "gem@-1", "average@2"])
def test_a_layer_is_a_choice(pooling):
    EncoderChoice(None, EncoderOptions(pooling=pooling)).check(replace(SPEC, pooling=pooling))
    for other in (SPEC, replace(SPEC, pooling=pooling.partition("@")[0])):
        with pytest.raises(SpaceMismatchError, match=f"not by pooling {pooling}"):
            EncoderChoice(None, EncoderOptions(pooling=pooling)).check(other)


@pytest.mark.parametrize("pooling", ["cls@last", "cls@", "pooler@2", "image-features@-1"])
def test_a_layer_that_no_model_has_is_refused(pooling):
    with pytest.raises(InputError, match=r"whole number|cannot be taken at a layer"):
        EncoderChoice(None, EncoderOptions(pooling=pooling)).check(SPEC)


@pytest.mark.parametrize("option", CHOICES)
def test_whatever_can_be_chosen_is_known(option):
    for name in CHOICES[option]:
        EncoderChoice(None, EncoderOptions(**{option: name})).check(replace(SPEC, **{option: name}))
        with pytest.raises(SpaceMismatchError) if name != "auto" else nullcontext():
            EncoderChoice(None, EncoderOptions(**{option: name})).check(replace(SPEC, **{option: "other"}))


def test_a_choice_that_only_the_gallerys_encoder_knows_is_taken():
    own = replace(SPEC, pooling="attention")
    EncoderChoice(None, EncoderOptions(pooling="attention")).check(own)
    with pytest.raises(UnknownNameError, match="did you mean 'attention'"):
        EncoderChoice(None, EncoderOptions(pooling="atention")).check(own)


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


class TestMovedCheckpoints:
    @pytest.fixture
    def models(self, tmp_path):
        """A gallery in "photos" that was made by a checkpoint which has moved since, and another checkpoint."""
        pytest.importorskip("transformers", reason="needs the extra hf")
        from tests.encoders.checkpoints import save_vit

        save_vit(tmp_path / "made by", seed=1)
        save_vit(tmp_path / "other", seed=2)
        plant(tmp_path / "photos", range(3))
        lookalike.open(tmp_path / "photos", encoder=str(tmp_path / "made by")).add(tmp_path / "photos")
        (tmp_path / "made by").rename(tmp_path / "moved")
        return tmp_path

    def test_is_accepted_under_its_new_path_by_its_weights(self, models):
        photos = models / "photos"
        with pytest.raises(InputError, match=r"was in the folder .*made by, which holds no model now; bring it back"):
            lookalike.open(photos).search(photos / "0001.png")
        moved = lookalike.open(photos, encoder=str(models / "moved"))
        assert moved.search(photos / "0001.png", k=1, include_self=True).scores == [pytest.approx(1.0)]
        plant(photos, range(4))
        assert moved.add(photos).added == 1
        again = lookalike.open(photos)  # it was written down where the encoder is
        assert again.spec.name == str(models / "moved")
        assert again.search(photos / "0003.png", k=1, include_self=True).ids == ["0003.png"]

    def test_another_one_is_refused_whatever_is_asked(self, models):
        photos = models / "photos"
        other = lookalike.open(photos, encoder=str(models / "other"))
        for use in (lambda: other.search("id:0001.png"), lambda: other.add(photos), lambda: other.spec):
            with pytest.raises(
                SpaceMismatchError, match=r"was made by \S+/made by .* not by .*/other .*name the encoder"
            ):
                use()

    def test_its_options_are_the_gallery_s_unless_they_are_asked_for(self, models):
        spec = lookalike.open(models / "photos").spec
        EncoderChoice(str(models / "moved")).check(spec)
        with pytest.raises(SpaceMismatchError, match="not by pooling mean"):
            EncoderChoice(str(models / "moved"), EncoderOptions(pooling="mean")).load(spec)


def test_a_name_of_any_length_is_no_folder():
    with pytest.raises(UnknownNameError):
        EncoderChoice("a" * 5000).check(SPEC)
