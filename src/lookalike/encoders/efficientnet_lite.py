"""EfficientNet-Lite0 as an OpenVINO graph: pixels in, the averaged last features out.

The network is that of Tan and Le, arXiv:1905.11946, in its Lite variant (no squeeze-and-excitation, ReLU6, stem and
head not scaled), as in ``efficientnet_lite_builder.py`` of the TensorFlow TPU models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.encoders.openvino_runtime import ops, ov

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

SIDE = 224
"""The height and width of the input."""
DIM = 1280
"""The length of an embedding."""
_BATCH_NORM_EPSILON = 1e-3
_MEAN, _SCALE = 127.0, 128.0


@dataclass(frozen=True, slots=True)
class _Stage:
    """A run of inverted bottlenecks; the first has the stride and changes the number of channels."""

    repeats: int
    stride: int
    expansion: int
    channels: int


_STAGES = (
    _Stage(1, 1, 1, 16),
    _Stage(2, 2, 6, 24),
    _Stage(2, 2, 6, 40),
    _Stage(3, 2, 6, 80),
    _Stage(3, 1, 6, 112),
    _Stage(4, 2, 6, 192),
    _Stage(1, 1, 6, 320),
)
_STEM_CHANNELS = 32


@dataclass(frozen=True, slots=True)
class _Block:
    name: str
    stride: int
    expands: bool
    has_skip: bool


def _blocks() -> Iterator[_Block]:
    number, channels = 0, _STEM_CHANNELS
    for stage in _STAGES:
        for repeat in range(stage.repeats):
            stride = stage.stride if repeat == 0 else 1
            has_skip = stride == 1 and channels == stage.channels
            yield _Block(f"_blocks.{number}", stride, stage.expansion > 1, has_skip)
            number, channels = number + 1, stage.channels


def build_graph(weights: Mapping[str, npt.NDArray[Any]]) -> ov.Model:
    """Build the network.

    Parameters
    ----------
    weights : the tensors of the reference implementation ``efficientnet-lite-pytorch``, by their names there.

    Returns
    -------
    A model of one input, shape (n, 224, 224, 3), uint8, RGB, and one output, shape (n, 1280), float32; n is free.

    Raises
    ------
    KeyError : if a tensor is missing.
    """
    pixels = ops.parameter([-1, SIDE, SIDE, 3], np.uint8, name="pixels")
    values = ops.divide(ops.subtract(ops.convert(pixels, "f32"), _constant(_MEAN)), _constant(_SCALE))
    node = ops.transpose(values, ops.constant([0, 3, 1, 2], np.int64))
    node = _relu6(_convolution(node, weights, ("_conv_stem", "_bn0"), stride=2))
    for block in _blocks():
        node = _bottleneck(node, weights, block)
    node = _relu6(_convolution(node, weights, ("_conv_head", "_bn1")))
    embeddings = ops.reduce_mean(node, ops.constant([2, 3], np.int64), keep_dims=False)
    return ov.Model([embeddings], [pixels], "efficientnet-lite0")


def before_the_mean(graph: ov.Model) -> ov.Model:
    """Return the network without its last operation: its output is the map that is averaged, shape (n, 1280, 7, 7)."""
    mean = graph.output(0).get_node().input_value(0).get_node()
    return ov.Model([mean.input_value(0)], graph.get_parameters(), f"{graph.get_friendly_name()} features")


def _bottleneck(inputs: ov.Node, weights: Mapping[str, npt.NDArray[Any]], block: _Block) -> ov.Node:
    node = inputs
    if block.expands:
        node = _relu6(_convolution(node, weights, (f"{block.name}._expand_conv", f"{block.name}._bn0")))
    names = (f"{block.name}._depthwise_conv", f"{block.name}._bn1")
    node = _relu6(_convolution(node, weights, names, stride=block.stride))
    node = _convolution(node, weights, (f"{block.name}._project_conv", f"{block.name}._bn2"))
    return ops.add(node, inputs) if block.has_skip else node


def _convolution(
    inputs: ov.Node, weights: Mapping[str, npt.NDArray[Any]], names: tuple[str, str], *, stride: int = 1
) -> ov.Node:
    """Return a convolution and the batch normalisation after it, folded into one."""
    convolution, norm = names
    kernel = weights[f"{convolution}.weight"].astype(np.float64)
    variance = weights[f"{norm}.running_var"].astype(np.float64)
    scale = weights[f"{norm}.weight"] / np.sqrt(variance + _BATCH_NORM_EPSILON)
    shift = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    kernel = kernel * scale[:, None, None, None]
    geometry = ([stride, stride], [0, 0], [0, 0], [1, 1], "same_upper")  # TensorFlow's SAME: the odd pixel at the end
    if convolution.endswith("_depthwise_conv"):
        node = ops.group_convolution(inputs, _constant(kernel[:, None]), *geometry)
    else:
        node = ops.convolution(inputs, _constant(kernel), *geometry)
    return ops.add(node, _constant(shift[None, :, None, None]))


def _relu6(node: ov.Node) -> ov.Node:
    return ops.clamp(node, 0.0, 6.0)


def _constant(values: npt.ArrayLike) -> ov.Node:
    return ops.constant(np.asarray(values, np.float32))
