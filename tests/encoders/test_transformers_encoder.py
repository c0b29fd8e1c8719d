"""Checkpoints give the embeddings that plain transformers gives."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.encoders import loading
from lookalike.encoders.base import StagedEncoder, TextEncoder
from lookalike.errors import EncoderError, InputError, SpaceMismatchError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tests.encoders import checkpoints  # noqa: E402  # needs torch

# what is tested here is how PyTorch runs a checkpoint; on the CPU it is OpenVINO that does, unless told otherwise
load_encoder = partial(loading.load_encoder, runtime="torch")
load_encoder_for = partial(loading.load_encoder_for, runtime="torch")


@pytest.fixture
def images(rng: np.random.Generator) -> list[Any]:
    """Smooth pictures of several shapes, the smallest with three rows."""
    pictures = []
    for height, width in ((48, 80), (90, 50), (33, 33), (32, 32), (3, 70)):
        small = Image.fromarray(rng.integers(0, 256, (5, 5, 3), np.uint8))
        pictures.append(np.array(small.resize((width, height), Image.Resampling.BICUBIC)))
        pictures[-1].flags.writeable = False
    return pictures


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def features_of(outputs: Any) -> Any:
    return outputs if torch.is_tensor(outputs) else outputs.pooler_output


def test_what_is_chosen_is_said(tmp_path):
    spec = load_encoder(str(checkpoints.save_dinov2(tmp_path))).spec
    assert (spec.pooling, spec.pooling_reason) == ("pooler", "the model pools its features itself")
    chosen = load_encoder(str(tmp_path), pooling="cls").spec
    assert (chosen.pooling, chosen.pooling_reason) == ("cls", "it was asked for")


def test_a_model_and_its_fine_tuned_kin_are_pooled_alike(tmp_path):
    specs = [
        load_encoder(str(save(tmp_path / save.__name__))).spec
        for save in (checkpoints.save_vit, checkpoints.save_vit_classifier)
    ]
    assert [spec.pooling for spec in specs] == ["cls", "cls"]


def test_the_mean_of_a_feature_map_is_its_average(images, tmp_path):
    folder = str(checkpoints.save_convnext(tmp_path))
    mean, average = load_encoder(folder, pooling="mean"), load_encoder(folder, pooling="average")
    assert mean.spec == average.spec
    np.testing.assert_array_equal(mean.encode_images(images), average.encode_images(images))


@pytest.mark.parametrize("save", [checkpoints.save_vit, checkpoints.save_regnet, checkpoints.save_clip])
def test_an_embedding_does_not_depend_on_its_batch(save, images, tmp_path):
    encoder = load_encoder(str(save(tmp_path)))
    many = images * 7
    together = encoder.encode_images(many)
    alone = np.concatenate([encoder.encode_images([image]) for image in many])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-5)
    assert encoder.encode_images([]).shape == (0, encoder.spec.dim)


def test_the_stages_are_the_whole(images, tmp_path):
    encoder = load_encoder(str(checkpoints.save_vit(tmp_path)))
    assert isinstance(encoder, StagedEncoder)
    assert encoder.decode_side == 71
    staged = encoder.encode_prepared(np.stack([encoder.prepare(image) for image in images]))
    np.testing.assert_allclose(staged, encoder.encode_images(images), rtol=1e-6, atol=1e-6)


def test_the_text_tower_is_left_alone_for_images(images, tmp_path):
    encoder = load_encoder(str(checkpoints.save_clip(tmp_path, with_tokenizer=False)))
    ran = []
    encoder.model.text_model.register_forward_hook(lambda *_: ran.append("text"))
    encoder.encode_images(images)
    assert not ran


TEXTS = ["a photo of the leaf", "rust", "a bean", "bean " * 40]


@pytest.mark.parametrize("save", [checkpoints.save_clip, checkpoints.save_siglip])
def test_texts_are_embedded_as_plain_transformers_does(save, tmp_path):
    folder = save(tmp_path)
    encoder = load_encoder(str(folder))
    assert encoder.spec.modalities == ("image", "text")
    assert isinstance(encoder, TextEncoder)
    assert isinstance(encoder, StagedEncoder)
    vectors = encoder.encode_texts(TEXTS)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=12, return_tensors="pt")
    with torch.no_grad():
        expected = features_of(model.get_text_features(**tokens)).numpy()
    np.testing.assert_allclose(vectors, expected, rtol=1e-5, atol=1e-5)
    alone = np.concatenate([encoder.encode_texts([text]) for text in TEXTS])
    np.testing.assert_allclose(vectors, alone, rtol=1e-5, atol=1e-5)
    assert np.abs(vectors[0] - vectors[1]).max() > 0.01
    assert encoder.encode_texts([]).shape == (0, encoder.spec.dim)


def test_images_and_texts_share_a_space_only_by_their_shared_features(tmp_path):
    folder = str(checkpoints.save_clip(tmp_path))
    encoder = load_encoder(folder, pooling="cls")
    assert encoder.spec.modalities == ("image",)
    assert not hasattr(encoder, "encode_texts")


@pytest.mark.parametrize("save", [checkpoints.save_vit, lambda f: checkpoints.save_clip(f, with_tokenizer=False)])
def test_an_encoder_without_texts_has_no_method_for_them(save, tmp_path):
    encoder = load_encoder(str(save(tmp_path)))
    assert encoder.spec.modalities == ("image",)
    assert not hasattr(encoder, "encode_texts")


def test_a_pooler_without_trained_weights_is_refused(tmp_path):
    folder = str(checkpoints.save_vit_classifier(tmp_path))
    with pytest.raises(InputError, match="no pooling 'pooler'; use auto or cls or mean or gem"):
        load_encoder(folder, pooling="pooler")


@pytest.mark.parametrize(
    ("save", "pooling", "offered"),
    [
        (checkpoints.save_swin, "cls", "pooler or mean or gem"),
        (checkpoints.save_convnext, "cls", "pooler or average or gem"),
        (checkpoints.save_vit, "average", "cls or mean or pooler or gem"),
        (checkpoints.save_vit, "image-features", "cls or mean or pooler or gem"),
        (checkpoints.save_vit, "max", "cls or mean or pooler or gem"),
    ],
)
def test_a_pooling_that_the_model_lacks_is_refused(save, pooling, offered, tmp_path):
    with pytest.raises(InputError, match=f"{pooling}'; use auto or {offered}$"):
        load_encoder(str(save(tmp_path)), pooling=pooling)


@pytest.mark.parametrize(
    ("pooling", "message"),
    [
        ("cls@3", r"no layer 3; use 0 \(the input of the first\) to 2, or -3 to -1"),
        ("mean@-4", r"no layer -4; use 0 \(the input of the first\) to 2, or -3 to -1"),
        ("cls@last", r"'cls@last' is no whole number; write for example cls@-2"),
        ("cls@", "is no whole number"),
        ("pooler@1", "'pooler' cannot be taken at a layer; use cls or mean or gem or average"),
        ("auto@1", "'auto' cannot be taken at a layer"),
        ("average@1", "offers no pooling 'average'; use auto or cls or mean or gem$"),
    ],
)
def test_a_layer_that_the_model_lacks_is_refused(pooling, message, tmp_path):
    with pytest.raises(InputError, match=message):
        load_encoder(str(checkpoints.save_vit(tmp_path)), pooling=pooling)


def test_a_layer_of_a_model_that_shows_none_is_refused(tmp_path):
    folder = str(checkpoints.save_bare(tmp_path))
    assert load_encoder(folder).spec.pooling == "mean"
    with pytest.raises(InputError, match="does not return its hidden states; leave the layer out"):
        load_encoder(folder, pooling="mean@1")


@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_tokens_of_no_patch_are_told_by_their_number_where_nothing_else_shows_them(prefix, images, tmp_path):
    encoder = load_encoder(str(checkpoints.save_bare(tmp_path, prefix=prefix)), pooling="mean")
    inputs = torch.from_numpy(np.stack([encoder.prepare(image) for image in images]))
    with torch.inference_mode():
        expected = encoder.model.embed(inputs).mean((2, 3)).numpy()
    np.testing.assert_allclose(encoder.encode_images(images), expected, rtol=1e-5, atol=1e-5)


def test_a_map_whose_channels_come_last_is_averaged_over_its_positions(images, tmp_path):
    encoder = load_encoder(str(checkpoints.save_bare(tmp_path, channels_last=True)), pooling="average")
    inputs = torch.from_numpy(np.stack([encoder.prepare(image) for image in images]))
    with torch.inference_mode():
        expected = encoder.model.embed(inputs).mean((2, 3)).numpy()
    np.testing.assert_allclose(encoder.encode_images(images), expected, rtol=1e-5, atol=1e-5)


def test_a_layer_comes_before_the_final_normalisation(images, tmp_path):
    folder = str(checkpoints.save_vit(tmp_path))
    last, layer = load_encoder(folder, pooling="cls"), load_encoder(folder, pooling="cls@-1")
    with torch.inference_mode():
        normalised = layer.model.layernorm(torch.from_numpy(layer.encode_images(images))).numpy()
    np.testing.assert_allclose(normalised, last.encode_images(images), rtol=1e-5, atol=1e-5)
    assert last.spec.space != layer.spec.space
    assert load_encoder_for(layer.spec).spec == layer.spec


@pytest.mark.parametrize(
    ("option", "value", "remedy"),
    [
        ("precision", "int3", "f32, bf16, f16 or int8"),
        ("preprocessing", "stretch", "processor, fast or resize-crop"),
        ("device", "abacus", "auto or cpu"),
    ],
)
def test_an_unknown_option_is_refused(option, value, remedy, tmp_path):
    with pytest.raises(InputError, match=f"{value}.*{remedy}"):
        load_encoder(str(checkpoints.save_vit(tmp_path)), **{option: value})


def test_half_precision_is_near_and_another_space(images, tmp_path):
    folder = str(checkpoints.save_vit(tmp_path))
    full, half = load_encoder(folder), load_encoder(folder, precision="bf16")
    assert (full.spec.precision, half.spec.precision) == ("f32", "bf16")
    exact, rounded = full.encode_images(images), half.encode_images(images)
    assert rounded.dtype == np.float32
    np.testing.assert_allclose(rounded, exact, atol=0.1)
    assert np.abs(rounded - exact).max() > 1e-4


def test_the_digest_is_that_of_the_trained_weights(tmp_path):
    first = load_encoder(str(checkpoints.save_vit(tmp_path / "a"))).spec
    copy = load_encoder(str(checkpoints.save_vit(tmp_path / "b"))).spec
    other = load_encoder(str(checkpoints.save_vit(tmp_path / "c", seed=1))).spec
    assert first.weights_digest == copy.weights_digest != other.weights_digest
    # a pooler without weights is made up anew on each load, and must not count
    classifier = str(checkpoints.save_vit_classifier(tmp_path / "d"))
    assert load_encoder(classifier).spec == load_encoder(classifier).spec


def test_a_stored_spec_makes_its_encoder_again(images, tmp_path):
    spec = load_encoder(str(checkpoints.save_regnet(tmp_path)), pooling="mean", preprocessing="resize-crop").spec
    again = load_encoder_for(spec)
    assert again.spec == spec
    assert spec.name == str(tmp_path.resolve())


def test_changed_weights_are_another_space(tmp_path):
    spec = load_encoder(str(checkpoints.save_vit(tmp_path))).spec
    checkpoints.save_vit(tmp_path, seed=1)
    with pytest.raises(SpaceMismatchError, match="index its images again") as caught:
        load_encoder_for(spec)
    assert spec.weights_digest[:12] in str(caught.value)


def test_a_pooling_that_the_model_lost_is_another_space(tmp_path):
    spec = load_encoder(str(checkpoints.save_vit(tmp_path)), pooling="pooler").spec
    checkpoints.save_vit_classifier(tmp_path)
    with pytest.raises(SpaceMismatchError, match="index its images again"):
        loading.load_encoder_for(spec)


def test_a_text_model_is_refused(tmp_path):
    with pytest.raises(EncoderError, match="cannot embed images"):
        load_encoder(str(checkpoints.save_text_model(tmp_path)))


def test_a_model_that_answers_at_random_is_refused(tmp_path):
    with pytest.raises(EncoderError, match="differently each time"):
        load_encoder(str(checkpoints.save_bare(tmp_path, noise=1.0)))


def test_images_of_several_sizes_need_the_crop(tmp_path, images):
    checkpoints.save_vit(tmp_path)
    transformers.CLIPImageProcessor(size={"shortest_edge": 32}, do_center_crop=False).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="resize-crop"):
        load_encoder(str(tmp_path))
    assert load_encoder(str(tmp_path), preprocessing="resize-crop").encode_images(images).shape == (len(images), 32)


def test_a_checkpoint_without_all_its_weights_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    checkpoints.save_vit(tmp_path)
    path = tmp_path / "model.safetensors"
    weights = load_file(path)
    lost = next(name for name in weights if "layernorm.weight" in name)
    del weights[lost]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(EncoderError, match="lacks weights"):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors", "preprocessor_config.json"])
def test_a_damaged_checkpoint_is_one_sentence(damage, tmp_path):
    checkpoints.save_vit(tmp_path)
    (tmp_path / damage).write_bytes(b"{")
    with pytest.raises(EncoderError, match=r"cannot be loaded .*save_pretrained") as caught:
        load_encoder(str(tmp_path))
    assert "\n" not in str(caught.value)
