"""A checkpoint converted: to TFLite by LiteRT Torch (https://github.com/google-ai-edge/litert-torch), and to ONNX."""

from __future__ import annotations

import importlib.util
import io
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lookalike.encoders.checkpoints import load, quiet
from lookalike.encoders.embedder_module import Embedder
from lookalike.encoders.loading import EncoderOptions, with_revision
from lookalike.encoders.plain_preprocessing import described
from lookalike.errors import BackendMissingError, EncoderError, InputError, first_line
from lookalike.mobile.onnx_model import EMBEDDING, PIXELS, OnnxModel
from lookalike.mobile.streams import STDERR, STDOUT, silenced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import EncoderSpec
    from lookalike.images.decode import Pixels
    from lookalike.mobile.phone_model import PhoneModel

_LEAST_COSINE = 0.9999


class _OnDevice(Embedder):
    """The same for values (n, height, width, 3), to embeddings of unit length."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(super().forward(values.permute(0, 3, 1, 2)))


class _FromLevels(torch.nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """The same for the levels of pixels, from 0 to 255."""

    def __init__(self, checkpoint: _Checkpoint) -> None:
        super().__init__()
        self.module = checkpoint.module
        for name in ("mean", "std"):
            self.register_buffer(name, torch.tensor(getattr(checkpoint, name)))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.module((pixels.float() - self.mean) / self.std)


@dataclass(frozen=True)
class _Checkpoint:
    name: str
    module: _OnDevice
    height: int
    width: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    preparation: Mapping[str, Any] | None

    @classmethod
    def load(cls, spec: EncoderSpec) -> _Checkpoint:
        """Load a gallery's checkpoint in f32, whatever the gallery's precision."""
        pooling = (spec.pooling, spec.preprocessing)
        options = EncoderOptions(*pooling, precision="f32", device="cpu", revision=spec.revision, runtime="torch")
        loaded = with_revision(lambda chosen: load(spec.name, chosen), options)
        encoder: Any = getattr(loaded, "images", loaded)  # of a pair, the side of the images
        if encoder.spec.weights_digest != spec.weights_digest.rpartition("-")[2]:
            msg = f"the checkpoint {spec.name} has other weights than those the gallery was made by; index it again"
            raise EncoderError(msg)
        shape = encoder.prepare(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).shape
        if len(shape) != 3:
            msg = f"the encoder {spec.name} takes more than pixels, and cannot be exported; use another"
            raise EncoderError(msg)
        mean, std = _normalisation(encoder.processor)
        preparation = described(encoder.prepare, encoder.processor)
        module = _with_global_pools(_OnDevice(encoder).eval(), max(shape[1:]))
        return cls(Path(spec.name).name, module, shape[1], shape[2], mean, std, preparation)

    @contextmanager
    def converting(self, by: str) -> Iterator[None]:
        """Turn what a converter raises, which may be anything, into a sentence."""
        try:
            # no gradient is wanted, and PyTorch refuses one of tensors that were made in inference mode, as a ViT's
            with quiet(), _silence(), torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the tracer: what it gets wrong shows in the comparison
                yield
        except InputError:
            raise
        except Exception as error:
            msg = f"{by} cannot convert the encoder {self.name} ({first_line(error).rstrip('.:')}); use another"
            raise EncoderError(msg) from error

    def check(self, embed: Callable[[Pixels], Vectors]) -> None:
        """Compare what a conversion makes of a picture of the input's size with what PyTorch does."""
        image = np.random.default_rng(1).integers(0, 256, (self.height, self.width, 3), np.uint8)
        with torch.inference_mode():
            expected = _FromLevels(self)(torch.from_numpy(image[None]))[0].numpy()
        cosine = float(embed(image) @ expected)
        if not cosine >= _LEAST_COSINE:
            msg = f"the conversion of {self.name} embeds a picture with a cosine of only {cosine:.4f}; use another"
            raise EncoderError(msg)


def tflite_model(spec: EncoderSpec, *, in_int8: bool = False) -> PhoneModel:
    """Return a gallery's checkpoint as a TFLite model, with its pooling and the normalisation of its processor.

    Parameters
    ----------
    spec : the gallery's encoder.
    in_int8 : keep the weights in 8 bits; it computes in floats all the same.

    Raises
    ------
    BackendMissingError : if LiteRT Torch is not installed.
    EncoderError : if the checkpoint cannot be loaded or converted, or the conversion gives other embeddings.
    InputError : if its processor prepares pictures in a way that the client does not know.
    """
    try:
        with _silence():
            import litert_torch
    except ImportError as error:
        raise BackendMissingError("litert-torch", "mobile-models") from error  # noqa: EM101
    from lookalike.mobile.phone_model import PhoneModel

    checkpoint = _Checkpoint.load(spec)
    sample = torch.zeros(1, checkpoint.height, checkpoint.width, 3)
    with checkpoint.converting("LiteRT Torch"):
        content = bytes(litert_torch.convert(checkpoint.module, (sample,)).model_content())
        content = _in_int8(content) if in_int8 else content
        model = PhoneModel(content, checkpoint.name, checkpoint.mean, checkpoint.std)
    if not in_int8:
        checkpoint.check(model.embed_row)
    return model


def onnx_model(spec: EncoderSpec) -> OnnxModel:
    """Return a gallery's checkpoint as an ONNX model; see :func:`tflite_model`.

    Raises
    ------
    BackendMissingError : if the package ``onnx`` is not installed.
    EncoderError : if the checkpoint cannot be loaded or converted, or the conversion gives other embeddings.
    """
    if importlib.util.find_spec("onnx") is None:
        raise BackendMissingError("onnx", "onnx")  # noqa: EM101
    checkpoint = _Checkpoint.load(spec)
    size, buffer = (checkpoint.height, checkpoint.width), io.BytesIO()
    sample = torch.zeros(1, *size, 3, dtype=torch.uint8)
    names = {"input_names": [PIXELS], "output_names": [EMBEDDING]}
    axes = {PIXELS: {0: "n"}, EMBEDDING: {0: "n"}}
    with checkpoint.converting("PyTorch"):
        # the older exporter, as the newer one needs further packages
        module = _FromLevels(checkpoint).eval()
        torch.onnx.export(module, (sample,), buffer, **names, dynamic_axes=axes, opset_version=17, dynamo=False)
    model = OnnxModel(buffer.getvalue(), *size, checkpoint.preparation)
    checkpoint.check(lambda image: model(image[None])[0])
    return model


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what converters print, from native code too, off standard output, which is results, and standard error."""
    with silenced(STDOUT, STDERR), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield


def _with_global_pools(module: _OnDevice, side: int) -> _OnDevice:
    """Replace averages over windows that no feature map fills, as EfficientNet's, by averages over the whole map.

    PyTorch counts what lies within, other runtimes refuse such a window or crash.
    """
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, torch.nn.AvgPool2d) and child.ceil_mode and child.padding == 0:
                height, width = np.broadcast_to(child.kernel_size, 2)
                if min(height, width) >= side:
                    setattr(parent, name, torch.nn.AdaptiveAvgPool2d(1))
    return module


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
