from __future__ import annotations

import pytest

from lookalike.api.encoder_choice import EncoderChoice
from lookalike.encoders.base import EncoderSpec
from lookalike.encoders.embedded import _weights_path
from lookalike.encoders.loading import ENCODERS, load_encoder
from lookalike.encoders.presets import PRESET_NAMES, PRESETS, availability, checkpoint_of
from lookalike.encoders.torch_pickle import read_tensors
from lookalike.errors import EncoderError, SpaceMismatchError, UnknownNameError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

BY_NAME = {preset.name: preset for preset in PRESETS}


def _model(name):
    """Return the model as the checkpoint's configuration describes it, without its weights."""
    with torch.device("meta"):
        if name == "small":
            shape = {"hidden_size": 384, "num_attention_heads": 6, "image_size": 518, "patch_size": 14}
            return transformers.Dinov2Model(transformers.Dinov2Config(**shape))
        if name == "best":
            layers = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16}
            return transformers.Dinov2Model(transformers.Dinov2Config(**layers, image_size=518, patch_size=14))
        if name == "text":
            text, vision = {"vocab_size": 256_000}, {"image_size": 224, "patch_size": 16}
            return transformers.SiglipModel(transformers.SiglipConfig(text_config=text, vision_config=vision))
        return transformers.ViTModel(transformers.ViTConfig(), add_pooling_layer=False)


@pytest.mark.parametrize("name", ["small", "best", "text", "beans"])
def test_parameters_and_dimension_are_those_of_the_architecture(name):
    model, preset = _model(name), BY_NAME[name]
    assert sum(tensor.numel() for tensor in model.parameters()) == preset.parameters
    config = getattr(model.config, "vision_config", model.config)
    assert config.hidden_size == preset.dim


def test_parameters_and_dimension_of_the_embedded_encoder():
    tensors = read_tensors(_weights_path().read_bytes())
    trained = [
        tensor
        for name, tensor in tensors.items()
        if not name.startswith("_fc.") and "running" not in name and "num_batches" not in name
    ]
    assert sum(tensor.size for tensor in trained) == BY_NAME["embedded"].parameters
    assert load_encoder("embedded").spec.dim == BY_NAME["embedded"].dim
    assert availability(BY_NAME["embedded"]).remedy == ""


def test_a_preset_is_loaded_as_its_checkpoint():
    with pytest.raises(EncoderError, match="facebook/dinov2-small cannot be loaded"):
        load_encoder("small")


def test_names_are_unique_and_hide_no_other_encoder():
    assert len(set(PRESET_NAMES)) == len(PRESETS)
    assert set(PRESET_NAMES) & set(ENCODERS.builtin) == {"embedded"}


def test_an_unknown_name_is_told_the_nearest_preset():
    with pytest.raises(UnknownNameError, match="did you mean 'small'"):
        load_encoder("smal")


def test_a_gallery_knows_its_encoder_by_either_name():
    spec = EncoderSpec(checkpoint_of("small"), "", "00", "cls", "processor", "f32", 384)
    EncoderChoice("small").check(spec)
    EncoderChoice("facebook/dinov2-small").check(spec)
    with pytest.raises(SpaceMismatchError):
        EncoderChoice("best").check(spec)
