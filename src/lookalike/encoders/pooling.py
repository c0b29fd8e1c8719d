"""How a checkpoint's features become one vector, chosen by what the model returns and not by its name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError

if TYPE_CHECKING:
    import torch

POOLINGS = ("cls", "mean", "gem", "pooler", "image-features", "average")
_AT_A_LAYER = ("cls", "mean", "gem", "average")
_GEM_POWER, _GEM_FLOOR = 3.0, 1e-6


@dataclass(frozen=True, slots=True)
class Features:
    """What a model returned for a batch of n images."""

    patches: torch.Tensor | None = None
    """The tokens of the patches alone (n, patches, dim), or a feature map (n, channels, height, width)."""
    whole: torch.Tensor | None = None
    """The token that stands for the whole image (CLS), shape (n, dim)."""
    pooled: torch.Tensor | None = None
    """The model's own pooling, ``pooler_output``; a feature map's may keep two axes of length 1."""

    @property
    def is_map(self) -> bool:
        """Whether the features lie on a grid, as those of a convolutional network do."""
        return self.patches is not None and self.patches.ndim == 4

    def trained(self) -> Features:
        """Return the features without a pooling that depends on weights which the checkpoint lacks, and so is NaN."""
        if self.pooled is None or bool(self.pooled.isfinite().all()):
            return self
        return replace(self, pooled=None)


@dataclass(frozen=True, slots=True)
class Traits:
    """What a model says about pooling besides the features that it returns."""

    has_image_features: bool = False
    """It embeds images into a space that it shares with texts."""
    has_dense_pooler: bool = False
    """Its pooling is one more layer, made for the classes of the pretraining."""
    is_mean_pooled: bool = False
    """Its configuration asks for the mean over patches."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A pooling, and why it is that one."""

    pooling: str
    reason: str


def parse_pooling(text: str) -> tuple[str, int | None]:
    """Return the kind of a pooling and its layer: ``cls@-4`` is the CLS token after the last layer but three.

    Raises
    ------
    InputError : if the layer is no whole number, or the kind cannot be taken at a layer.
    """
    kind, at, layer = text.partition("@")
    if not at:
        return kind, None
    if not re.fullmatch(r"-?[0-9]{1,6}", layer):
        msg = f"the layer in the pooling {text!r} is no whole number; write for example {kind}@-2"
        raise InputError(msg)
    if kind not in _AT_A_LAYER:
        msg = f"the pooling {kind!r} cannot be taken at a layer; use {' or '.join(_AT_A_LAYER)}"
        raise InputError(msg)
    return kind, int(layer)


def check_layer(layer: int, states: int) -> None:
    """Raise InputError if a model with that many hidden states lacks the layer."""
    if states == 0:
        msg = "the model does not return its hidden states; leave the layer out of the pooling"
        raise InputError(msg)
    if not -states <= layer < states:
        msg = (
            f"the model has no layer {layer}; use 0 (the input of the first) to {states - 1}, or {-states} to -1 "
            "counted from the last"
        )
        raise InputError(msg)


def choose_pooling(wanted: str, features: Features, traits: Traits) -> Choice:
    """Return the pooling to use with a model.

    Parameters
    ----------
    wanted : one of ``POOLINGS``, or ``auto``.
    features : what the model returned for some image.
    traits : what else is known of the model.

    Raises
    ------
    InputError : if the model has nothing that this pooling could be taken from; the message says what it has.

    Notes
    -----
    ``auto`` takes the first that there is of

    1. ``image-features``: what the model compares with texts is what it was trained to compare;
    2. ``pooler``, the model's own pooling, as its documentation uses it: the normalised CLS token of CLIP and DINOv2,
       the attention head of SigLIP, the normalised mean of BEiT, Swin and Hiera, the average of ConvNeXT and ResNet.
       Not where it is one more dense layer on the first token (ViT, DeiT): that one serves the classes of the
       pretraining, is missing from fine-tuned checkpoints, and would embed a model and its fine-tuned kin differently.
       Nor where the checkpoint has no weights for it;
    3. ``mean``, if the configuration asks for it (Data2Vec);
    4. ``cls``, the token that stands for the whole image;
    5. ``mean`` over the tokens of the patches, never with CLS or register tokens among them (I-JEPA);
    6. ``average`` over a feature map (PoolFormer).

    ``gem`` has to be asked for: the generalised mean over patches or map, with the exponent 3 (Radenović, Tolias and
    Chum, *Fine-tuning CNN image retrieval with no human annotation*, IEEE TPAMI 2018, arXiv:1711.02512, equation 3).
    As there, features below 1e-6 count as 1e-6.
    """
    possible = _possible(features, traits)
    if wanted == "mean" and "average" in possible:
        return Choice("average", "the features are a map, whose mean is the average over positions")
    if wanted in possible:
        return Choice(wanted, "it was asked for")
    if wanted != "auto":
        known = wanted in POOLINGS
        problem = f"the model offers no pooling {wanted!r}" if known else f"there is no pooling named {wanted!r}"
        msg = f"{problem}; use {' or '.join(['auto', *possible])}"
        raise InputError(msg)
    if not possible:
        msg = "the model returns neither tokens nor a feature map; use a checkpoint of an image model"
        raise InputError(msg)
    pooling = next(iter(possible))
    return Choice(pooling, possible[pooling])


def pool(features: Features, kind: str) -> torch.Tensor:
    """Return one vector for each image; shape (n, dim).

    Parameters
    ----------
    features : of n images.
    kind : what :func:`choose_pooling` returned for features of this kind, save ``image-features``.
    """
    tensor: Any = {"cls": features.whole, "pooler": features.pooled}.get(kind, features.patches)
    positions = (2, 3) if features.is_map else (1,)
    if kind in ("mean", "average"):
        tensor = tensor.mean(dim=positions)
    elif kind == "gem":
        # in single precision: the cube of a bf16 value keeps two digits
        powers = tensor.float().clamp(min=_GEM_FLOOR).pow(_GEM_POWER)
        tensor = powers.mean(dim=positions).pow(1 / _GEM_POWER)
    result: torch.Tensor = tensor.flatten(1)
    return result


def _possible(features: Features, traits: Traits) -> dict[str, str]:
    """Return each pooling that the model allows, the best first, with the reason for it."""
    of_patches = features.patches is not None and not features.is_map
    ranked = [
        ("image-features", traits.has_image_features, "the model embeds images into the space of its texts"),
        ("pooler", features.pooled is not None and not traits.has_dense_pooler, "the model pools its features itself"),
        ("mean", of_patches and traits.is_mean_pooled, "the model's configuration asks for the mean over patches"),
        ("cls", features.whole is not None, "a token stands for the whole image"),
        ("mean", of_patches, "the model returns one token for each patch and no pooling of them"),
        ("average", features.is_map, "the model returns a feature map and no pooling of it"),
        ("pooler", features.pooled is not None, "the model returns a pooled output alone"),
        ("gem", features.patches is not None, "the model returns features of patches"),
    ]
    possible: dict[str, str] = {}
    for pooling, is_possible, reason in ranked:
        if is_possible:
            possible.setdefault(pooling, reason)
    return possible
