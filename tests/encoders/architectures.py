"""Small models of many vision families, each with its poolings written out by hand from what its documentation says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import transformers as tf

from tests.encoders.checkpoints import save_model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Extract: TypeAlias = "Callable[[Any, Any], Any]"
"""A model and the processor's outputs to one vector for each image."""

_TOWER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
_DINO = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
_SQUARE = {"image_size": 32, "patch_size": 8}
_PYRAMID = {"hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2]}
_WINDOWS = {"embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2], "window_size": 4, "image_size": 32, "patch_size": 4}
_TEXT = {
    **_TOWER,
    "vocab_size": 20,
    "max_position_embeddings": 12,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
}
_PAIR = {"text_config": _TEXT, "vision_config": {**_TOWER, **_SQUARE}}
_SMALL_EFFICIENTNET = {"image_size": 32, "width_coefficient": 0.25, "depth_coefficient": 0.25, "hidden_dim": 320}
_NORM = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.25, 0.3]}


@dataclass(frozen=True)
class Architecture:
    """A family: how to make a small one, and what its poolings are."""

    config: Callable[[], Any]
    auto: str
    """The pooling that is documented for it."""
    poolings: Mapping[str, Extract]
    """All that it offers, and some of those at layers."""
    size: int = 32
    processor: Callable[[int], Any] | None = None
    """Of the side of the model's input; a ViT's where the model has none that stands alone."""

    def save(self, folder: Path) -> Path:
        """Save the model and its processor; returns the folder."""
        processor = (self.processor or _square(tf.ViTImageProcessor))(self.size)
        return save_model(folder, tf.AutoModel.from_config, self.config(), processor, size=self.size)


def _square(kind: Any, **options: Any) -> Callable[[int], Any]:
    return lambda side: kind(size={"height": side, "width": side}, **_NORM, **options)


def _cropped(kind: Any, **options: Any) -> Callable[[int], Any]:
    """Return a processor that resizes the short side and crops the centre."""
    crop = {"do_center_crop": True}
    return lambda side: kind(
        size={"shortest_edge": side + 4}, crop_size={"height": side, "width": side}, **_NORM, **crop, **options
    )


def _short(kind: Any, **options: Any) -> Callable[[int], Any]:
    """Return a processor that makes squares of a short side."""
    return lambda side: kind(
        size={"shortest_edge": side}, crop_size={"height": side, "width": side}, **_NORM, **options
    )


def _model(model: Any) -> Any:
    return model


def _vision(model: Any) -> Any:
    return model.vision_model


def _image(model: Any) -> Any:
    return model.image_model


def _unmasked(model: Any) -> Any:
    model.config.mask_ratio = 0.0
    return model


def _states(model: Any, inputs: Any) -> Any:
    return model(**inputs, output_hidden_states=True).hidden_states


def _gem(features: Any, positions: Any) -> Any:
    return features.clamp(min=1e-6).pow(3).mean(positions).pow(1 / 3)


def tokens(special: int, part: Callable[[Any], Any] = _model, early: int | None = None) -> dict[str, Extract]:
    """Return the poolings over the tokens of patches, which come after so many others; ``early`` in the first layer."""
    first = special if early is None else early
    return {
        "mean": lambda m, x: part(m)(**x).last_hidden_state[:, special:].mean(1),
        "gem": lambda m, x: _gem(part(m)(**x).last_hidden_state[:, special:], 1),
        "mean@1": lambda m, x: _states(part(m), x)[1][:, first:].mean(1),
        "gem@-1": lambda m, x: _gem(_states(part(m), x)[-1][:, special:], 1),
    }


def cls(part: Callable[[Any], Any] = _model) -> dict[str, Extract]:
    """Return the pooling by the first token."""
    return {
        "cls": lambda m, x: part(m)(**x).last_hidden_state[:, 0],
        "cls@-1": lambda m, x: _states(part(m), x)[-1][:, 0],
    }


def pooler(part: Callable[[Any], Any] = _model) -> dict[str, Extract]:
    """Return the model's own pooling."""
    return {"pooler": lambda m, x: part(m)(**x).pooler_output.flatten(1)}


def shared() -> dict[str, Extract]:
    """Return the embedding that is shared with texts."""

    def features(model: Any, inputs: Any) -> Any:
        outputs = model.get_image_features(**inputs)
        return getattr(outputs, "pooler_output", outputs)

    return {"image-features": features}


AVERAGE: dict[str, Extract] = {
    "average": lambda m, x: m(**x).last_hidden_state.mean((2, 3)),
    "gem": lambda m, x: _gem(m(**x).last_hidden_state, (2, 3)),
    "average@1": lambda m, x: _states(m, x)[1].mean((2, 3)),
    "gem@-1": lambda m, x: _gem(_states(m, x)[-1], (2, 3)),
}
MAP = {**pooler(), **AVERAGE}
WITH_CLS = {**cls(), **pooler(), **tokens(1)}
PAIR = {**shared(), **cls(_vision), **pooler(_vision), **tokens(1, _vision)}

_bit = _cropped(tf.BitImageProcessor)
_clip = _cropped(tf.CLIPImageProcessor)
_convnext = _short(tf.ConvNextImageProcessor)


def _has_timm() -> bool:
    try:
        import timm  # noqa: F401  # brings torchvision, whose operators have to fit PyTorch
    except (ImportError, RuntimeError):
        return False
    return True


_TIMM = {
    "input_size": [3, 64, 64],
    "mean": _NORM["image_mean"],
    "std": _NORM["image_std"],
    "interpolation": "bicubic",
    "crop_pct": 0.9,
}


def _of_timm(name: str, poolings: Mapping[str, Extract], **options: Any) -> Architecture:
    return Architecture(
        lambda: tf.TimmWrapperConfig(
            architecture=name, do_pooling=True, model_args=options or None, pretrained_cfg=_TIMM
        ),
        "pooler",
        poolings,
        size=64,
        processor=lambda _: tf.TimmWrapperImageProcessor(pretrained_cfg=_TIMM),
    )


ARCHITECTURES = {
    # transformers of one resolution
    "vit": Architecture(lambda: tf.ViTConfig(**_TOWER, **_SQUARE), "cls", WITH_CLS),
    "deit": Architecture(
        lambda: tf.DeiTConfig(**_TOWER, **_SQUARE),
        "cls",
        {**cls(), **pooler(), **tokens(2)},
        processor=_cropped(tf.DeiTImageProcessor),
    ),
    "beit": Architecture(
        lambda: tf.BeitConfig(**_TOWER, **_SQUARE, use_relative_position_bias=True),
        "pooler",
        WITH_CLS,
        processor=_square(tf.BeitImageProcessor),
    ),
    "data2vec": Architecture(
        lambda: tf.Data2VecVisionConfig(**_TOWER, **_SQUARE),
        "mean",
        {**cls(), **tokens(1)},
        processor=_square(tf.BeitImageProcessor),
    ),
    "vit-msn": Architecture(lambda: tf.ViTMSNConfig(**_TOWER, **_SQUARE), "cls", {**cls(), **tokens(1)}),
    "vit-mae": Architecture(
        lambda: tf.ViTMAEConfig(**_TOWER, **_SQUARE), "cls", {**cls(_unmasked), **tokens(1, _unmasked)}
    ),
    "i-jepa": Architecture(lambda: tf.IJepaConfig(**_TOWER, **_SQUARE), "mean", tokens(0)),
    "dinov2": Architecture(lambda: tf.Dinov2Config(**_DINO, **_SQUARE), "pooler", WITH_CLS, processor=_bit),
    "dinov2 with registers": Architecture(
        lambda: tf.Dinov2WithRegistersConfig(**_DINO, **_SQUARE, num_register_tokens=3),
        "pooler",
        {**cls(), **pooler(), **tokens(4)},
        processor=_bit,
    ),
    "dinov3": Architecture(
        lambda: tf.DINOv3ViTConfig(**_TOWER, **_SQUARE, num_register_tokens=4),
        "pooler",
        {**cls(), **pooler(), **tokens(5)},
    ),
    "pixio": Architecture(
        # its own pooling is the mean of the eight class tokens
        lambda: tf.PixioConfig(**_DINO, **_SQUARE),
        "pooler",
        {**cls(), **pooler(), **tokens(8)},
        processor=_bit,
    ),
    "yolos": Architecture(
        lambda: tf.YolosConfig(**_TOWER, image_size=[32, 32], patch_size=8, num_detection_tokens=5),
        "cls",
        {
            **cls(),
            **pooler(),
            "mean": lambda m, x: m(**x).last_hidden_state[:, 1:17].mean(1),
            "gem": lambda m, x: _gem(m(**x).last_hidden_state[:, 1:17], 1),
            "mean@1": lambda m, x: _states(m, x)[1][:, 1:17].mean(1),
        },
    ),
    "dpt": Architecture(
        lambda: tf.DPTConfig(**_TOWER, **_SQUARE, backbone_out_indices=[0, 0, 1, 1]),
        "cls",
        WITH_CLS,
        processor=_square(tf.DPTImageProcessor),
    ),
    "clip vision": Architecture(lambda: tf.CLIPVisionConfig(**_TOWER, **_SQUARE), "pooler", WITH_CLS, processor=_clip),
    "siglip vision": Architecture(
        lambda: tf.SiglipVisionConfig(**_TOWER, **_SQUARE),
        "pooler",
        {**pooler(), **tokens(0)},
        processor=_square(tf.SiglipImageProcessor),
    ),
    # hierarchical transformers
    "swin": Architecture(lambda: tf.SwinConfig(**_WINDOWS), "pooler", {**pooler(), **tokens(0)}),
    "swinv2": Architecture(lambda: tf.Swinv2Config(**_WINDOWS), "pooler", {**pooler(), **tokens(0)}),
    "hiera": Architecture(
        lambda: tf.HieraConfig(
            image_size=[64, 64],
            embed_dim=8,
            depths=[1, 1, 1],
            num_heads=[1, 1, 2],
            masked_unit_size=[4, 4],
            num_query_pool=2,
        ),
        "pooler",
        {**pooler(), **tokens(0)},
        size=64,
        processor=_bit,
    ),
    "pvt": Architecture(
        lambda: tf.PvtConfig(image_size=64, **_PYRAMID, mlp_ratios=[2] * 4, sequence_reduction_ratios=[4, 2, 1, 1]),
        "cls",
        {**cls(), **tokens(1, early=0)},
        size=64,
        processor=_square(tf.PvtImageProcessor),
    ),
    "levit": Architecture(
        lambda: tf.LevitConfig(
            image_size=64, hidden_sizes=[16, 24, 32], num_attention_heads=[1, 1, 2], depths=[1] * 3, key_dim=[8] * 3
        ),
        "pooler",
        {**pooler(), **tokens(0)},
        size=64,
        processor=_short(tf.LevitImageProcessor),
    ),
    "focalnet": Architecture(
        lambda: tf.FocalNetConfig(
            image_size=32, patch_size=4, embed_dim=8, depths=[1, 1], focal_levels=[1, 1], focal_windows=[3, 3]
        ),
        "pooler",
        {**pooler(), **tokens(0)},
        processor=_bit,
    ),
    # feature maps
    "cvt": Architecture(
        lambda: tf.CvtConfig(embed_dim=[8, 8, 16], num_heads=[1, 1, 2], depth=[1, 2, 3]),
        "cls",
        {"cls": lambda m, x: m(**x).cls_token_value[:, 0], **AVERAGE},
        processor=_convnext,
    ),
    "pvt v2": Architecture(
        lambda: tf.PvtV2Config(image_size=64, **_PYRAMID, mlp_ratios=[2] * 4),
        "average",
        AVERAGE,
        size=64,
        processor=_square(tf.PvtImageProcessor),
    ),
    "segformer": Architecture(
        lambda: tf.SegformerConfig(**_PYRAMID, decoder_hidden_size=16),
        "average",
        AVERAGE,
        processor=_square(tf.SegformerImageProcessor),
    ),
    "poolformer": Architecture(
        lambda: tf.PoolFormerConfig(hidden_sizes=[8, 8, 16, 16], depths=[1] * 4),
        "average",
        AVERAGE,
        size=64,
        processor=_short(tf.PoolFormerImageProcessor),
    ),
    "swiftformer": Architecture(
        lambda: tf.SwiftFormerConfig(image_size=64, embed_dims=[8, 8, 16, 16], depths=[1] * 4),
        "average",
        AVERAGE,
        size=64,
    ),
    "convnext": Architecture(
        lambda: tf.ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2), "pooler", MAP, processor=_convnext
    ),
    "convnextv2": Architecture(
        lambda: tf.ConvNextV2Config(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2),
        "pooler",
        MAP,
        processor=_convnext,
    ),
    "dinov3 convnext": Architecture(
        lambda: tf.DINOv3ConvNextConfig(hidden_sizes=[8, 8, 16, 16], depths=[1] * 4),
        "pooler",
        {
            "cls": lambda m, x: m(**x).last_hidden_state[:, 0],
            **pooler(),
            "mean": lambda m, x: m(**x).last_hidden_state[:, 1:].mean(1),
            "gem": lambda m, x: _gem(m(**x).last_hidden_state[:, 1:], 1),
            "average@-2": lambda m, x: _states(m, x)[-2].mean((2, 3)),
        },
        size=64,
    ),
    "regnet": Architecture(
        lambda: tf.RegNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], groups_width=8),
        "pooler",
        MAP,
        processor=_convnext,
    ),
    "resnet": Architecture(
        lambda: tf.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1]),
        "pooler",
        MAP,
        processor=_convnext,
    ),
    "hgnet v2": Architecture(
        lambda: tf.HGNetV2Config(
            embedding_size=8,
            stem_channels=[3, 8, 8],
            hidden_sizes=[16, 16],
            depths=[1, 1],
            stage_in_channels=[8, 16],
            stage_mid_channels=[8, 8],
            stage_out_channels=[16, 16],
            stage_num_blocks=[1, 1],
            stage_downsample=[False, True],
            stage_light_block=[False, True],
            stage_kernel_size=[3, 3],
            stage_numb_of_layers=[1, 1],
        ),
        "average",
        {
            "average": lambda m, x: m(**x).feature_maps[-1].mean((2, 3)),
            "gem": lambda m, x: _gem(m(**x).feature_maps[-1], (2, 3)),
        },
    ),
    "bit": Architecture(
        lambda: tf.BitConfig(embedding_size=8, hidden_sizes=[32, 64], depths=[1, 1], num_groups=2),
        "pooler",
        MAP,
        processor=_bit,
    ),
    "mobilenet v1": Architecture(
        lambda: tf.MobileNetV1Config(depth_multiplier=0.25, image_size=64),
        "pooler",
        MAP,
        size=64,
        processor=_cropped(tf.MobileNetV1ImageProcessor),
    ),
    "mobilenet v2": Architecture(
        lambda: tf.MobileNetV2Config(depth_multiplier=0.25, image_size=64),
        "pooler",
        MAP,
        size=64,
        processor=_cropped(tf.MobileNetV2ImageProcessor),
    ),
    "mobilevit": Architecture(
        lambda: tf.MobileViTConfig(
            image_size=64, hidden_sizes=[16] * 3, neck_hidden_sizes=[8] * 6 + [16], num_attention_heads=2
        ),
        "pooler",
        MAP,
        size=64,
        processor=_cropped(tf.MobileViTImageProcessor),
    ),
    "efficientnet": Architecture(
        lambda: tf.EfficientNetConfig(**_SMALL_EFFICIENTNET),
        "pooler",
        MAP,
        processor=_square(tf.EfficientNetImageProcessor),
    ),
    # models of images and texts
    "clip": Architecture(lambda: tf.CLIPConfig(**_PAIR, projection_dim=24), "image-features", PAIR, processor=_clip),
    "siglip": Architecture(
        lambda: tf.SiglipConfig(**_PAIR),
        "image-features",
        {**shared(), **pooler(_vision), **tokens(0, _vision)},
        processor=_square(tf.SiglipImageProcessor),
    ),
    "siglip2 with the image's aspect": Architecture(
        lambda: tf.Siglip2Config(text_config=_TEXT, vision_config={**_TOWER, "patch_size": 8, "num_patches": 16}),
        "image-features",
        {**shared(), **pooler(_vision)},
        processor=lambda side: tf.Siglip2ImageProcessor(patch_size=8, max_num_patches=24, **_NORM),
    ),
    "altclip": Architecture(
        lambda: tf.AltCLIPConfig(
            text_config={**_TEXT, "project_dim": 16}, vision_config=_PAIR["vision_config"], projection_dim=24
        ),
        "image-features",
        PAIR,
        processor=_clip,
    ),
    "blip": Architecture(
        lambda: tf.BlipConfig(**_PAIR, projection_dim=24),
        "image-features",
        PAIR,
        processor=_square(tf.BlipImageProcessor),
    ),
    "flava": Architecture(
        lambda: tf.FlavaConfig(
            text_config=_TEXT, image_config=_PAIR["vision_config"], multimodal_config=_TOWER, projection_dim=24
        ),
        "cls",
        {**cls(_image), **pooler(_image), **tokens(1, _image)},
    ),
    "aimv2": Architecture(
        lambda: tf.Aimv2Config(**_PAIR, projection_dim=24),
        "image-features",
        {**shared(), **pooler(_vision), **tokens(0, _vision)},
        processor=_clip,
    ),
    "align": Architecture(
        lambda: tf.AlignConfig(text_config=_TEXT, vision_config=_SMALL_EFFICIENTNET, projection_dim=320),
        "image-features",
        {
            **shared(),
            **pooler(_vision),
            "average": lambda m, x: m.vision_model(**x).last_hidden_state.mean((2, 3)),
            "gem": lambda m, x: _gem(m.vision_model(**x).last_hidden_state, (2, 3)),
        },
        processor=_square(tf.EfficientNetImageProcessor),
    ),
}
if _has_timm():
    # whose transformers show the hidden states as maps
    _layers = {name: AVERAGE[name] for name in ("average@1", "gem@-1")}
    _of_tokens = {name: {**cls(), **tokens(1)}[name] for name in ("cls", "mean", "gem")}
    ARCHITECTURES["timm resnet"] = _of_timm("resnet10t", MAP)
    ARCHITECTURES["timm vit"] = _of_timm(
        "vit_tiny_patch16_224", {**pooler(), **_of_tokens, **_layers}, img_size=64, depth=2
    )
