"""How a checkpoint's features become one vector, chosen by what the model returns and not by its name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError

if TYPE_CHECKING:
    import torch

POOLINGS = ("cls", "mean", "pooler", "image-features", "average")


@dataclass(frozen=True, slots=True)
class Features:
    """What a model returned for a batch of n images."""

    hidden: torch.Tensor | None
    """Tokens (n, tokens, dim) or a feature map (n, channels, height, width), before any pooling."""
    pooled: torch.Tensor | None
    """The model's own pooling, ``pooler_output``."""
    patches: int | None
    """How many patches the images were cut into, where the configuration says so."""

    @property
    def is_map(self) -> bool:
        """Whether the features lie on a grid, as those of a convolutional network do."""
        return self.hidden is not None and self.hidden.ndim == 4

    @property
    def is_sequence(self) -> bool:
        """Whether the features are tokens."""
        return self.hidden is not None and self.hidden.ndim == 3

    @property
    def prefix(self) -> int:
        """The number of tokens before those of the patches: CLS, distillation and register tokens.

        A hierarchical transformer merges patches, so that it has fewer tokens than patches, and no prefix.
        """
        if self.hidden is None or not self.is_sequence or self.patches is None:
            return 0
        return max(0, int(self.hidden.shape[1]) - self.patches)

    def trained(self) -> Features:
        """Return the features without a pooling that depends on weights which the checkpoint lacks, and so is NaN."""
        if self.pooled is None or bool(self.pooled.isfinite().all()):
            return self
        return replace(self, pooled=None)


@dataclass(frozen=True, slots=True)
class Choice:
    """A pooling, and why it is that one."""

    pooling: str
    reason: str


def choose_pooling(wanted: str, features: Features, *, has_image_features: bool) -> Choice:
    """Return the pooling to use with a model.

    Parameters
    ----------
    wanted : one of ``POOLINGS``, or ``auto``.
    features : what the model returned for some image.
    has_image_features : whether the model embeds images into a space that it shares with texts.

    Raises
    ------
    InputError : if the model has nothing that this pooling could be taken from; the message says what it has.

    Notes
    -----
    ``auto`` takes, in this order: the embedding shared with texts; of tokens the first, if it stands for the whole
    image, else the model's own pooling, else the mean over patches; of a feature map the model's own pooling, else
    the average.
    """
    possible = _possible(features, has_image_features=has_image_features)
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


def pool(features: Features, pooling: str) -> torch.Tensor:
    """Return one vector for each image; shape (n, dim).

    Parameters
    ----------
    features : of n images.
    pooling : what :func:`choose_pooling` returned for features of this kind, save ``image-features``.
    """
    tensor: Any = features.pooled if pooling == "pooler" else features.hidden
    if pooling == "cls":
        tensor = tensor[:, 0]
    elif pooling == "mean":
        tensor = tensor[:, features.prefix :].mean(dim=1)
    elif pooling == "average":
        tensor = tensor.mean(dim=(2, 3))
    # a pooled feature map keeps two axes of length 1
    result: torch.Tensor = tensor.flatten(1)
    return result


def _possible(features: Features, *, has_image_features: bool) -> dict[str, str]:
    """Return each pooling that the model allows, the best first, with the reason for it."""
    possible = {}
    if has_image_features:
        possible["image-features"] = "the model embeds images into the space of its texts"
    if features.prefix:
        possible["cls"] = "the first token stands for the whole image"
    if features.pooled is not None:
        shape = "a feature map" if features.is_map else "tokens without one for the whole image"
        possible["pooler"] = f"the model pools {shape} itself"
    if features.is_sequence:
        possible["mean"] = "the model returns one token for each patch and no pooling of them"
    if features.is_map:
        possible["average"] = "the model returns a feature map and no pooling of it"
    return possible
