"""A vision model of any family, asked for its features in one way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from lookalike.encoders.pooling import Features, Traits, check_layer
from lookalike.encoders.signatures import parameters, takes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TOWERS = ("vision_model", "image_model")
"""Where a model of images and texts keeps the part for images."""
_MOST_UNSEEN = 16
"""The most tokens that are taken for none of a patch by their number alone."""


class VisionTower:
    """Runs the part of a model that sees images.

    Parameters
    ----------
    model : from ``transformers``, with its weights. One that hides patches at random, as masked autoencoders do for
        their training, is told to hide none.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        parts = (getattr(model, name, None) for name in _TOWERS)
        self._module: Any = next((part for part in parts if part is not None), model)
        self._config = getattr(self._module, "config", model.config)
        # else some models put their normalised output in the place of the last hidden state
        self._config.tie_last_hidden_states = False
        self._patches: torch.Tensor | None = None
        """The positions of the tokens that stand for patches, if there are others."""
        self._starts_with_whole = False
        if hasattr(self._config, "mask_ratio"):
            self._config.mask_ratio = 0.0

    @property
    def input_names(self) -> frozenset[str]:
        """The names of what the model takes besides ``pixel_values``."""
        functions = [self._module.forward]
        if hasattr(self._model, "get_image_features"):
            functions.append(self._model.get_image_features)
        return frozenset().union(*map(parameters, functions)) - {"pixel_values"}

    def traits(self, *, has_image_features: bool) -> Traits:
        """Return what the model says about pooling."""
        return Traits(
            has_image_features=has_image_features,
            has_dense_pooler=hasattr(getattr(self._module, "pooler", None), "dense"),
            is_mean_pooled=bool(getattr(self._config, "use_mean_pooling", False)),
        )

    def image_features(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor | None:
        """Return the embeddings that images share with texts, shape (n, dim), or None if the model has none."""
        get = getattr(self._model, "get_image_features", None)
        if get is None:
            return None
        features = unwrapped(get(**_accepted(get, inputs)))
        # a chat model's method of that name returns one vector for each patch
        is_one_each = torch.is_tensor(features) and features.shape[:-1] == (len(inputs["pixel_values"]),)
        return features if is_one_each else None

    def watch(self, inputs: Mapping[str, torch.Tensor], layer: int | None) -> Features:
        """Return the features of images, and learn from them which tokens stand for no patch.

        Parameters
        ----------
        inputs : of two images that differ everywhere.
        layer : see :meth:`features`.

        Raises
        ------
        InputError : if the model has no such layer.

        Notes
        -----
        A CLS, distillation, register or detection token is the same for every image until the first layer mixes it
        with the patches, wherever it stands. Where that cannot be seen, such tokens are the first, as many as there are
        more than a grid has: a hierarchical network adds one token late, and some models show no hidden states or
        only the patches' part of them.
        """
        outputs = self._run(inputs, with_states=True)
        states = getattr(outputs, "hidden_states", None) or ()
        if layer is not None:
            check_layer(layer, len(states))
        tokens = _hidden(outputs, layer)
        self._patches, self._starts_with_whole = None, False
        if tokens is not None and tokens.ndim == 3 and inputs["pixel_values"].ndim == 4:
            special = _special_tokens(tokens, states, inputs["pixel_values"].shape[-2:])
            if special is not None:
                self._patches = (~special).nonzero().flatten()
                self._starts_with_whole = bool(special[0])
        return self._as_features(outputs, inputs, layer)

    def features(self, inputs: Mapping[str, torch.Tensor], layer: int | None) -> Features:
        """Return the features of images of the size that :meth:`watch` saw.

        Parameters
        ----------
        inputs : as the model's ``forward`` names them; others are left out.
        layer : of ``hidden_states``, as ``transformers`` counts them: 0 is the input of the first layer, -1 the output
            of the last, before a final normalisation. None stands for ``last_hidden_state`` and the model's pooling.
        """
        return self._as_features(self._run(inputs, with_states=layer is not None), inputs, layer)

    def _run(self, inputs: Mapping[str, torch.Tensor], *, with_states: bool) -> Any:
        arguments = dict(_accepted(self._module.forward, inputs))
        if hasattr(self._config, "mask_ratio") and "noise" in parameters(self._module.forward):
            arguments["noise"] = _order(self._config, inputs["pixel_values"])
        if with_states and takes(self._module.forward, "output_hidden_states"):
            arguments["output_hidden_states"] = True
        return self._module(**arguments)

    def _as_features(self, outputs: Any, inputs: Mapping[str, torch.Tensor], layer: int | None) -> Features:
        pooled = _pooled(outputs) if layer is None else None
        patches = _hidden(outputs, layer)
        whole = None if layer is not None else _token_beside(outputs)
        if inputs["pixel_values"].ndim == 3:  # the processor cut the patches, and padded their number
            return Features(pooled=pooled)
        if patches is None or self._patches is None:
            return Features(patches, whole, pooled)
        first = patches[:, 0] if self._starts_with_whole else whole
        return Features(patches.index_select(1, self._patches), first, pooled)


def unwrapped(outputs: Any) -> Any:
    """Return the features themselves, which some versions of transformers wrap."""
    return getattr(outputs, "pooler_output", outputs)


def _hidden(outputs: Any, layer: int | None) -> Any:
    """Return tokens or a feature map, its channels first; of a backbone, whose output is named otherwise, the last."""
    last: Any = getattr(outputs, "last_hidden_state", None)
    maps = getattr(outputs, "feature_maps", None)
    if last is None and maps:
        last = maps[-1]
    hidden = last if layer is None else outputs.hidden_states[layer]
    pooled = _pooled(outputs)
    if hidden is None or hidden.ndim != 4 or pooled is None or last is None or last.ndim != 4:
        return hidden
    has_channels_last = last.shape[1] != pooled.flatten(1).shape[1] == last.shape[3]
    is_alike = layer is None or outputs.hidden_states[-1].shape == last.shape
    return hidden.permute(0, 3, 1, 2) if has_channels_last and is_alike else hidden


def _pooled(outputs: Any) -> Any:
    """Return the model's own pooling if that is one vector for each image."""
    pooled = getattr(outputs, "pooler_output", None)
    return pooled if pooled is not None and pooled.shape[2:].numel() == 1 else None


def _token_beside(outputs: Any) -> Any:
    """Return the CLS token, shape (n, dim), of a model that returns it beside its feature map."""
    token = getattr(outputs, "cls_token_value", None)
    return None if token is None else token.flatten(1)


def _special_tokens(tokens: torch.Tensor, states: Sequence[torch.Tensor], size: Sequence[int]) -> torch.Tensor | None:
    """Return which tokens stand for no patch, or None if all do; ``states`` are of two images that differ."""
    count = tokens.shape[1]
    are_shown = bool(states) and states[0].ndim == 3
    if are_shown and states[0].shape[1] == count:
        differences = (states[0][0] - states[0][1]).abs().amax(dim=1)
        constant: torch.Tensor = differences <= 1e-3 * states[0].abs().max()
        if bool(constant.any()) and not bool(constant.all()):
            return constant
    most = 1 if are_shown else _MOST_UNSEEN
    extra = next((extra for extra in range(most + 1) if _grid(count - extra, size)), 0)
    return torch.arange(count, device=tokens.device) < extra if extra else None


def on_grid(features: Features, size: Sequence[int]) -> torch.Tensor | None:
    """Return the patches of images of that height and width by their places, or None where these are not known.

    Returns
    -------
    Shape (n, rows, columns, dim).
    """
    if features.patches is None or features.is_map:
        return None if features.patches is None else features.patches.permute(0, 2, 3, 1)
    grid = _grid(features.patches.shape[1], size)
    return None if grid is None else features.patches.unflatten(1, grid)


def _grid(tokens: int, size: Sequence[int]) -> tuple[int, int] | None:
    """Return the rows and columns of the squares that an image of that size is cut into, if it can be so many."""
    for side in range(1, max(size) + 1):
        for part in (math.floor, math.ceil):
            rows, columns = part(size[0] / side), part(size[1] / side)
            if tokens == rows * columns:
                return rows, columns
    return None


def _order(config: Any, values: torch.Tensor) -> torch.Tensor:
    """Return the noise by which a masked autoencoder leaves the patches in their order."""
    patch = config.patch_size
    height, width = (patch, patch) if isinstance(patch, int) else tuple(patch)[-2:]
    patches = (values.shape[-2] // height) * (values.shape[-1] // width)
    return torch.arange(patches, device=values.device).expand(values.shape[0], patches)


def _accepted(function: Callable[..., Any], inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    names = parameters(function)
    return {name: value for name, value in inputs.items() if name in names}
