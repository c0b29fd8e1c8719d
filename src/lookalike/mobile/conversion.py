"""A checkpoint as a TFLite model: converted by LiteRT Torch (https://github.com/google-ai-edge/litert-torch)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lookalike.encoders.checkpoints import load, quiet
from lookalike.encoders.loading import EncoderOptions, with_revision
from lookalike.errors import BackendMissingError, EncoderError, InputError, first_line
from lookalike.mobile.phone_model import PhoneModel

if TYPE_CHECKING:
    from lookalike.encoders.base import EncoderSpec
    from lookalike.encoders.transformers_encoder import TransformersEncoder

_LEAST_COSINE = 0.9999


class _OnDevice(torch.nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """Model and pooling: values (1, height, width, 3) to an embedding of unit length, (1, dim)."""

    def __init__(self, encoder: TransformersEncoder) -> None:
        super().__init__()
        self.model = encoder.model
        self._embed = encoder.embed

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(self._embed({"pixel_values": values.permute(0, 3, 1, 2)}))


def converted_model(spec: EncoderSpec, *, in_int8: bool = False) -> PhoneModel:
    """Load a gallery's checkpoint and convert it, with its pooling and the normalisation of its processor.

    Parameters
    ----------
    spec : the gallery's encoder; the weights are taken in f32 whatever its precision.
    in_int8 : keep the weights in 8 bits; it computes in floats all the same.

    Raises
    ------
    BackendMissingError : if LiteRT Torch is not installed.
    EncoderError : if the checkpoint cannot be loaded or converted, or the conversion gives other embeddings.
    InputError : if its processor prepares pictures in a way that the client does not know.
    """
    try:
        import litert_torch
    except ImportError as error:
        raise BackendMissingError("litert-torch", "mobile-models") from error  # noqa: EM101
    pooling = (spec.pooling, spec.preprocessing)
    options = EncoderOptions(*pooling, precision="f32", device="cpu", revision=spec.revision, runtime="torch")
    loaded = with_revision(lambda chosen: load(spec.name, chosen), options)
    encoder: TransformersEncoder = getattr(loaded, "images", loaded)  # type: ignore[arg-type]  # of a pair, the images
    if encoder.spec.weights_digest != spec.weights_digest.rpartition("-")[2]:
        msg = f"the checkpoint {spec.name} has other weights than those that the gallery was made by; index it again"
        raise EncoderError(msg)
    mean, std = _normalisation(encoder.processor)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    _, height, width = encoder.prepare(noise).shape
    module = _OnDevice(encoder).eval()
    values = torch.from_numpy(np.random.default_rng(0).normal(size=(1, height, width, 3)).astype(np.float32))
    try:
        with quiet():
            content = bytes(litert_torch.convert(module, (values,)).model_content())
        model = PhoneModel(_in_int8(content) if in_int8 else content, Path(spec.name).name, mean, std)
    except InputError:
        raise
    except Exception as error:  # the converter raises whatever it likes
        msg = f"LiteRT Torch cannot convert the encoder {spec.name} ({first_line(error).rstrip('.:')}); use another"
        raise EncoderError(msg) from error
    if not in_int8:
        _check(model, module)
    return model


def _normalisation(processor: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and deviation in levels from 0 to 255."""
    if not getattr(processor, "do_rescale", True):
        msg = "the checkpoint's processor does not scale levels to fractions, which the export relies on; use another"
        raise InputError(msg)
    levels = 1 / float(getattr(processor, "rescale_factor", 1 / 255))
    is_normalised = getattr(processor, "do_normalize", True) and getattr(processor, "image_mean", None) is not None
    mean, std = (processor.image_mean, processor.image_std) if is_normalised else ((0.0,) * 3, (1.0,) * 3)
    return tuple(float(value) * levels for value in mean), tuple(float(value) * levels for value in std)


def _in_int8(content: bytes) -> bytes:
    from ai_edge_quantizer import quantizer, recipe

    rewriter = quantizer.Quantizer(content)
    rewriter.load_quantization_recipe(recipe.weight_only_wi8_afp32())
    return bytes(rewriter.quantize().quantized_model)


def _check(model: PhoneModel, module: torch.nn.Module) -> None:
    image = np.random.default_rng(1).integers(0, 256, (model.height, model.width, 3), np.uint8)
    values = (image[None].astype(np.float32) - np.array(model.mean)) / np.array(model.std)
    with torch.inference_mode():
        expected = module(torch.from_numpy(values.astype(np.float32)))[0].numpy()
    cosine = float(model.embed_row(image) @ expected)
    if not cosine >= _LEAST_COSINE:
        msg = f"the conversion of {model.name} embeds a picture with a cosine of only {cosine:.4f}; use another"
        raise EncoderError(msg)
