"""Encoders from Hugging Face checkpoints, run by PyTorch."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import transformers
from transformers.utils.hub import extract_commit_hash

from lookalike.encoders.base import EncoderSpec
from lookalike.encoders.batching import cpu_batch_size, encode_staged, gpu_batch_size
from lookalike.encoders.map_function import map_function
from lookalike.encoders.patches import Patches
from lookalike.encoders.pooling import Features, choose_pooling, parse_pooling, pool
from lookalike.encoders.preprocessing import make_prepare
from lookalike.encoders.pretrained import explained, loading_options, loading_remedy
from lookalike.encoders.processors import load_processor
from lookalike.encoders.torch_batches import Batches, enough_memory
from lookalike.encoders.torch_transfer import on_device
from lookalike.encoders.vision_tower import VisionTower, on_grid
from lookalike.errors import InputError, first_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.encoders.loading import EncoderOptions
    from lookalike.encoders.map_function import MapFunction
    from lookalike.encoders.preprocessing import Prepare
    from lookalike.images.decode import Pixels

_DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
_SAME = 0.9999
"""The cosine from which on a model's own pooling counts as the mean of its features."""
_IMPORTED_IN = os.getpid()


class TransformersEncoder:
    """Embeds images with a checkpoint that ``transformers`` can load.

    Parameters
    ----------
    name : a folder's absolute path, or an id on the hub.
    options : see :func:`lookalike.encoders.loading.load_encoder`.

    Raises
    ------
    InputError : if an option has no meaning for this model.
    EncoderError : if the checkpoint cannot be loaded, or is not that of an image model.
    """

    runtime = "torch"

    def __init__(self, name: str, options: EncoderOptions) -> None:
        self._options = options
        self._device = _device(options.device)
        _survive_fork(self._device)
        precision = _precision(options.precision, self._device)
        self._dtype = _DTYPES[precision]
        self.runtime_reason = f"it runs on the device {self._device.type}"
        """Why it is run by PyTorch: a clause."""
        self.notice = ""
        """A sentence that a user should read, if there is one."""
        revision = _commit(name, options.revision)
        with explained(f"the encoder {name} cannot be loaded", loading_remedy(name)):
            # in f32 first, so that the weights have one digest whatever the precision
            self.model, report = transformers.AutoModel.from_pretrained(
                name, dtype=torch.float32, output_loading_info=True, **loading_options(revision, options)
            )
            self.processor = load_processor(name, revision, options)
        self._tower = VisionTower(self.model)
        self.prepare = make_prepare(options.preprocessing, self.processor, self._tower.input_names)
        self.decode_side, self.decode_drift = self.prepare.decode_side, self.prepare.decode_drift
        untrained = frozenset(report["missing_keys"])
        digest = _digest(self.model, untrained)
        _mark_untrained(self.model, untrained)
        remedy = "use the checkpoint of an image model"
        with explained(f"the encoder {name} cannot embed images", remedy), enough_memory(name):
            self.model.eval().to(self._device, self._dtype)
            probe = _probe(self.prepare)
            self._batches = Batches(_batch_size(probe, self._device), name)
            reason = self._choose_pooling(options.pooling, probe)
            dim = _checked_dim([self._encode(probe) for _ in range(2)], precision)
        self.spec = EncoderSpec(
            name=name,
            revision=revision,
            weights_digest=digest,
            pooling=self._pooling if self._layer is None else f"{self._pooling}@{self._layer}",
            preprocessing=self.prepare.kind,
            precision=precision,
            dim=dim,
            pooling_reason=reason,
        )

    @property
    def batch_size(self) -> int:
        """The number of images to embed at once; becomes smaller where the memory of a GPU does not hold them."""
        return self._batches.size

    def encode_prepared(self, batch: npt.NDArray[Any]) -> Vectors:
        """Embed prepared images; shape (n, ...), as :attr:`prepare` returns them, to (n, dim), float32.

        Raises
        ------
        EncoderError : if a GPU has no memory for a single image.
        """
        return self._encode(batch) if len(batch) else np.empty((0, self.spec.dim), np.float32)

    def embed(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the embeddings of prepared images that are on the device, in the model's type; shape (n, dim)."""
        if self._pooling == "image-features":
            features: torch.Tensor = self._image_features(inputs)
            return features
        return pool(self._features(inputs), self._pooling)

    def encode_patches(self, batch: npt.NDArray[Any]) -> Patches:
        """Return the features of prepared images by their places, in the layer that the embeddings are pooled from.

        Raises
        ------
        InputError : if the model shows no features of patches, or these lie on no grid.
        """
        name = self.spec.name
        with explained(f"the encoder {name} does not show its patches", "use another encoder"), torch.inference_mode():
            if self._pooling == "image-features":  # for which the tower has not been asked for its tokens yet
                self._tower.watch(next(self._to_device(_probe(self.prepare))), None)
            parts = [self._patches(inputs) for inputs in self._to_device(batch)]
        found = [features for features, _ in parts if features is not None]
        if len(found) < len(parts):
            msg = f"the features of the encoder {name} have no places in the image; use another encoder"
            raise InputError(msg)
        features = torch.cat(found).float().cpu().numpy()
        return Patches(features, are_averaged=all(is_averaged for _, is_averaged in parts))

    def _patches(self, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor | None, bool]:
        """Return the features on their grid, and whether the embeddings are their means."""
        features = on_grid(self._features(inputs), inputs["pixel_values"].shape[-2:])
        if features is None or self._pooling in ("mean", "average"):
            return features, True
        means, embeddings = features.mean(dim=(1, 2)), self.embed(inputs)
        if means.shape != embeddings.shape:
            return features, False
        least = torch.nn.functional.cosine_similarity(means.float(), embeddings.float()).min()
        return features, bool(least > _SAME)

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        """Embed images of any sizes; returns shape (len(images), dim), float32, not normalised."""
        return encode_staged(self, images)

    def as_map_function(self, *, image_column: str = "image", embedding_column: str = "embedding") -> MapFunction:
        """Return the encoder for ``Dataset.map``; see :func:`lookalike.encoders.map_function.map_function`."""
        return map_function(
            self,
            image_column=image_column,
            embedding_column=embedding_column,
            device=self._options.device,
            trust_remote_code=self._options.trust_remote_code,
        )

    def _encode(self, batch: npt.NDArray[Any]) -> Vectors:
        def embed(part: slice) -> torch.Tensor:
            with torch.inference_mode():
                return torch.cat([self.embed(inputs) for inputs in self._to_device(batch[part])])

        return self._batches.embed(len(batch), embed)

    def _choose_pooling(self, wanted: str, probe: npt.NDArray[Any]) -> str:
        """Choose the pooling and its layer; returns why it is that one, a clause."""
        kind, self._layer = parse_pooling(wanted)
        with torch.inference_mode():
            inputs = next(self._to_device(probe))
            has_image_features = self._layer is None and self._image_features(inputs) is not None
            if has_image_features and kind in ("auto", "image-features"):
                features = Features()  # the image tower alone need not be runnable
            else:
                features = self._tower.watch(inputs, self._layer).trained()
        choice = choose_pooling(kind, features, self._tower.traits(has_image_features=has_image_features))
        self._pooling = choice.pooling
        return choice.reason

    def _to_device(self, batch: npt.NDArray[Any]) -> Iterator[dict[str, torch.Tensor]]:
        """Yield the model's inputs by their names, in parts of the batch."""
        names = batch.dtype.names
        inputs = {"pixel_values": batch} if names is None else {name: batch[name] for name in names}
        return on_device(inputs, self._device, self._dtype)

    def _image_features(self, inputs: Mapping[str, torch.Tensor]) -> Any:
        """Return the embeddings that images share with texts, shape (n, dim), or None if the model has none."""
        return self._tower.image_features(inputs)

    def _features(self, inputs: Mapping[str, torch.Tensor]) -> Features:
        return self._tower.features(inputs, self._layer)


def _precision(wanted: str, device: torch.device) -> str:
    """Return the precision; by itself half on a GPU, in the format with the range of f32 where it computes in that."""
    if wanted != "auto":
        return wanted
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16"
    return "f16" if device.type in ("cuda", "mps") else "f32"


def _batch_size(probe: npt.NDArray[Any], device: torch.device) -> int:
    pixels = probe["pixel_values"] if probe.dtype.names else probe
    shape = pixels.shape[1:]
    return cpu_batch_size(shape) if device.type == "cpu" else gpu_batch_size(shape)


def _commit(name: str, revision: str) -> str:
    """Return the commit on the hub that a revision of a checkpoint means now; empty for a folder."""
    if Path(name).is_absolute():
        return ""
    try:
        file = transformers.utils.cached_file(name, "config.json", revision=revision or None)
    except (OSError, ValueError):
        return revision  # loading it will say what is wrong
    return extract_commit_hash(file, None) or revision


def _probe(prepare: Prepare) -> npt.NDArray[Any]:
    """Return two prepared images of noise, one lying and one standing."""
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    inputs = [prepare(noise), prepare(noise.transpose(1, 0, 2).copy())]
    if (inputs[0].shape, inputs[0].dtype) != (inputs[1].shape, inputs[1].dtype):
        msg = "the checkpoint's processor returns images of several sizes; use the preprocessing resize-crop"
        raise InputError(msg)
    return np.stack(inputs)


def _checked_dim(twice: Sequence[Vectors], precision: str) -> int:
    """Return the length of the embeddings, given those of the same images twice."""
    first, second = twice
    if not np.isfinite(first).all():
        overflow = ", or exceeds the range of f16: use the precision f32" if precision == "f16" else ""
        msg = f"it lacks weights that the embeddings depend on{overflow}"
        raise ValueError(msg)
    # a GPU may add in another order each time, which in half precision shows in the third digit
    if np.abs(first - second).max() > (1e-3 if precision == "f32" else 2e-2) * np.abs(first).max():
        msg = "it embeds the same image differently each time"
        raise ValueError(msg)
    return int(first.shape[1])


def _digest(model: Any, untrained: frozenset[str]) -> str:
    """Return the digest of the names and bytes of all weights that the checkpoint holds."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(model.state_dict().items()):
        if name not in untrained:
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _mark_untrained(model: Any, untrained: frozenset[str]) -> None:
    """Set weights that the checkpoint lacks, and that are random now, to NaN, so that what depends on them shows."""
    for name, tensor in model.state_dict().items():
        if name in untrained and tensor.is_floating_point():
            tensor.fill_(float("nan"))


def _device(name: str) -> torch.device:
    if name == "auto":
        mps = torch.backends.mps.is_available()
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if mps else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        msg = f"PyTorch cannot use the device {name!r} here ({first_line(error).rstrip('.:')}); use auto or cpu"
        raise InputError(msg) from error
    return device


def _survive_fork(device: torch.device) -> None:
    """Make PyTorch usable in a process that was forked from one that may have used it."""
    if os.getpid() == _IMPORTED_IN:
        return
    if device.type == "cuda":
        msg = (
            "a GPU cannot be used in a forked process: leave num_proc out, which one GPU gains nothing from, or first "
            "call multiprocess.set_start_method('spawn')"
        )
        raise InputError(msg)
    torch.set_num_threads(1)  # OpenMP's threads did not come along, and it would wait for them for ever
