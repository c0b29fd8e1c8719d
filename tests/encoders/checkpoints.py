"""Small checkpoints with random weights, as ``save_pretrained`` writes them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TOWER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
_NORM = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.25, 0.3]}
WORDS = ("a", "photo", "of", "the", "leaf", "bean", "rust", "spot")
TEXT_LENGTH = 12


def save_vit(folder: Path, *, size: int = 32, patch: int = 8, seed: int = 0) -> Path:
    """Save a ViT and its processor; returns the folder."""
    config = transformers.ViTConfig(**_TOWER, image_size=size, patch_size=patch)
    return save_model(folder, transformers.ViTModel, config, _square(size), seed=seed)


def save_vit_classifier(folder: Path) -> Path:
    """Save a ViT as a classifier, so without the weights of a pooler."""
    config = transformers.ViTConfig(**_TOWER, image_size=32, patch_size=8)
    return save_model(folder, transformers.ViTForImageClassification, config, _square(32))


class BareConfig(transformers.PretrainedConfig):
    """The configuration of a model that ``transformers`` knows by its registration alone."""

    model_type = "bare"

    def __init__(self, noise: float = 0.0, prefix: int = 0, *, channels_last: bool = False, **kwargs: Any) -> None:
        self.noise = noise
        self.prefix = prefix
        self.channels_last = channels_last
        super().__init__(**kwargs)


class BareModel(transformers.PreTrainedModel):
    """Takes pixels and nothing else, and shows no hidden states.

    It returns tokens of sixteen patches after ``prefix`` others, with noise if asked for, or a map whose channels come
    last and its maximum.
    """

    config_class = BareConfig

    def __init__(self, config: BareConfig) -> None:
        super().__init__(config)
        self.embed = torch.nn.Conv2d(3, 6, 8, 8)
        self.special = torch.nn.Parameter(torch.zeros(1, config.prefix, 6))
        self.post_init()

    def forward(self, pixel_values: Any) -> Any:
        """Return the tokens or the map."""
        features = self.embed(pixel_values)
        if self.config.channels_last:
            return transformers.modeling_outputs.BaseModelOutputWithPooling(
                last_hidden_state=features.permute(0, 2, 3, 1), pooler_output=features.amax((2, 3))
            )
        tokens = torch.cat([self.special.expand(len(features), -1, -1), features.flatten(2).transpose(1, 2)], 1)
        noise = self.config.noise * torch.randn_like(tokens)
        return transformers.modeling_outputs.BaseModelOutput(last_hidden_state=tokens + noise)


transformers.AutoConfig.register("bare", BareConfig)
transformers.AutoModel.register(BareConfig, BareModel)


def save_bare(folder: Path, **options: Any) -> Path:
    """Save a :class:`BareModel`."""
    return save_model(folder, BareModel, BareConfig(**options), _square(32))


def save_swin(folder: Path) -> Path:
    """Save a Swin transformer, which has no token for the whole image."""
    config = transformers.SwinConfig(
        image_size=32, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[1, 2], window_size=4
    )
    return save_model(folder, transformers.SwinModel, config, _square(32))


def save_convnext(folder: Path) -> Path:
    """Save a ConvNeXT."""
    config = transformers.ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2)
    processor = transformers.ConvNextImageProcessor(size={"shortest_edge": 32}, **_NORM)
    return save_model(folder, transformers.ConvNextModel, config, processor)


def save_regnet(folder: Path) -> Path:
    """Save a RegNet, whose pooled features keep two axes of length 1."""
    config = transformers.RegNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], groups_width=8)
    processor = transformers.ConvNextImageProcessor(size={"shortest_edge": 32}, **_NORM)
    return save_model(folder, transformers.RegNetModel, config, processor)


def save_dinov2(folder: Path, *, registers: int = 0) -> Path:
    """Save a DINOv2, with register tokens if asked for."""
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32, "patch_size": 8}
    processor = transformers.BitImageProcessor(
        size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32}, **_NORM
    )
    if registers:
        config = transformers.Dinov2WithRegistersConfig(**shape, num_register_tokens=registers)
        return save_model(folder, transformers.Dinov2WithRegistersModel, config, processor)
    return save_model(folder, transformers.Dinov2Model, transformers.Dinov2Config(**shape), processor)


def save_clip(folder: Path, *, with_tokenizer: bool = True) -> Path:
    """Save a CLIP, with a tokenizer that knows ``WORDS``."""
    tokenizer = _tokenizer(["input_ids", "attention_mask"])
    text = {
        **_TOWER,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": TEXT_LENGTH,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {**_TOWER, "image_size": 32, "patch_size": 8}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)
    processor = transformers.CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, **_NORM
    )
    if with_tokenizer:
        tokenizer.save_pretrained(folder)
    return save_model(folder, transformers.CLIPModel, config, processor)


def save_siglip(folder: Path) -> Path:
    """Save a SigLIP, with a tokenizer that gives no attention mask."""
    tokenizer = _tokenizer(["input_ids"])
    ids = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    text = {**_TOWER, **ids, "vocab_size": len(tokenizer), "max_position_embeddings": TEXT_LENGTH}
    vision = {**_TOWER, "image_size": 32, "patch_size": 8}
    tokenizer.save_pretrained(folder)
    processor = transformers.SiglipImageProcessor(size={"height": 32, "width": 32}, **_NORM)
    config = transformers.SiglipConfig(text_config=text, vision_config=vision)
    return save_model(folder, transformers.SiglipModel, config, processor)


def save_text_model(folder: Path) -> Path:
    """Save a BERT beside an image processor that it has no use for."""
    config = transformers.BertConfig(**_TOWER, vocab_size=20)
    return save_model(folder, transformers.BertModel, config, _square(32))


def _square(size: int) -> Any:
    return transformers.ViTImageProcessor(size={"height": size, "width": size}, **_NORM)


def save_model(folder: Path, kind: Any, config: Any, processor: Any, *, seed: int = 0, size: int = 32) -> Path:
    """Save a model of random weights, made by ``kind(config)``, and its processor; returns the folder."""
    torch.manual_seed(seed)
    model = kind(config).eval()
    with torch.no_grad():
        # the usual start is near zero, where every pooling looks alike
        for tensor in model.parameters():
            tensor.add_(0.2 * torch.randn_like(tensor))
        _settle(model, torch.randn(8, 3, size, size))
    with _quiet():
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
    return folder


def _settle(model: Any, images: Any) -> None:
    """Give batch normalisations the statistics of some images, without which deep networks tell no images apart."""
    norms = [part for part in model.modules() if isinstance(part, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    if norms:
        getattr(model, "get_image_features", model)(pixel_values=images)
    model.eval()


def _tokenizer(inputs: list[str]) -> Any:
    words = ["[PAD]", "[UNK]", *WORDS, "[BOS]", "[EOS]"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("[BOS]", words.index("[BOS]")), ("[EOS]", words.index("[EOS]"))]
    tokenizer.post_processor = processors.TemplateProcessing(single="[BOS] $A [EOS]", special_tokens=ends)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="[BOS]",
        eos_token="[EOS]",
        pad_token="[PAD]",
        unk_token="[UNK]",
        model_max_length=TEXT_LENGTH,
        model_input_names=inputs,
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(verbosity)
