"""EfficientNet-Lite0, and its graph for OpenVINO: pixels in, the averaged last features out.

The network is that of Tan and Le, arXiv:1905.11946, in its Lite variant (no squeeze-and-excitation, ReLU6, stem and
head not scaled), as in ``efficientnet_lite_builder.py`` of the TensorFlow TPU models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from lookalike.encoders.openvino_runtime import ops, ov

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

SIDE = 224
"""The height and width of the input."""
DIM = 1280
"""The length of an embedding."""
MEAN, SCALE = 127.0, 128.0
"""What the levels of pixels are shifted and divided by."""
_BATCH_NORM_EPSILON = 1e-3
_Node = TypeVar("_Node")


class Graph(Protocol[_Node]):
    """Where the network can be assembled; a node holds a batch of feature maps."""

    def convolution(
        self, inputs: _Node, kernel: npt.NDArray[np.float64], shift: npt.NDArray[np.float64], *, stride: int
    ) -> _Node:
        """Convolve with TensorFlow's SAME padding and add to each channel.

        Parameters
        ----------
        inputs : the maps.
        kernel : shape (outputs, inputs, height, width); of a depthwise convolution (channels, height, width).
        shift : shape (outputs,).
        stride : in both directions.
        """
        ...

    def relu6(self, node: _Node) -> _Node:
        """Cut values off at 0 and 6."""
        ...

    def add(self, first: _Node, second: _Node) -> _Node:
        """Add maps of one shape."""
        ...

    def average(self, node: _Node) -> _Node:
        """Return the average over each map, shape (n, channels)."""
        ...


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


def assemble(graph: Graph[_Node], pixels: _Node, weights: Mapping[str, npt.NDArray[Any]]) -> _Node:
    """Assemble the network in a graph.

    Parameters
    ----------
    graph : takes the layers.
    pixels : shape (n, 224, 224, 3), or as the graph arranges axes; shifted by MEAN and divided by SCALE.
    weights : the tensors of the reference implementation ``efficientnet-lite-pytorch``, by their names there.

    Returns
    -------
    The embeddings, shape (n, 1280).

    Raises
    ------
    KeyError : if a tensor is missing.
    """

    def convolution(inputs: _Node, convolution: str, norm: str, *, stride: int = 1) -> _Node:
        return graph.convolution(inputs, *_folded(weights, convolution, norm), stride=stride)

    node = graph.relu6(convolution(pixels, "_conv_stem", "_bn0", stride=2))
    for block in _blocks():
        inputs = node
        if block.expands:
            node = graph.relu6(convolution(node, f"{block.name}._expand_conv", f"{block.name}._bn0"))
        node = convolution(node, f"{block.name}._depthwise_conv", f"{block.name}._bn1", stride=block.stride)
        node = convolution(graph.relu6(node), f"{block.name}._project_conv", f"{block.name}._bn2")
        node = graph.add(node, inputs) if block.has_skip else node
    return graph.average(graph.relu6(convolution(node, "_conv_head", "_bn1")))


def _folded(
    weights: Mapping[str, npt.NDArray[Any]], convolution: str, norm: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the kernel and shift of a convolution and the batch normalisation after it, folded into one."""
    kernel = weights[f"{convolution}.weight"].astype(np.float64)
    variance = weights[f"{norm}.running_var"].astype(np.float64)
    scale = weights[f"{norm}.weight"] / np.sqrt(variance + _BATCH_NORM_EPSILON)
    shift = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    kernel = kernel * scale[:, None, None, None]
    return kernel[:, 0] if convolution.endswith("_depthwise_conv") else kernel, shift


def build_graph(weights: Mapping[str, npt.NDArray[Any]]) -> ov.Model:
    """Build the network for OpenVINO.

    Parameters
    ----------
    weights : see :func:`assemble`.

    Returns
    -------
    A model of one input, shape (n, 224, 224, 3), uint8, RGB, and one output, shape (n, 1280), float32; n is free.

    Raises
    ------
    KeyError : if a tensor is missing.
    """
    pixels = ops.parameter([-1, SIDE, SIDE, 3], np.uint8, name="pixels")
    values = ops.divide(ops.subtract(ops.convert(pixels, "f32"), _constant(MEAN)), _constant(SCALE))
    node = ops.transpose(values, ops.constant([0, 3, 1, 2], np.int64))
    return ov.Model([assemble(_OpenVinoGraph(), node, weights)], [pixels], "efficientnet-lite0")


def before_the_mean(graph: ov.Model) -> ov.Model:
    """Return the network without its last operation: its output is the map that is averaged, shape (n, 1280, 7, 7)."""
    mean = graph.output(0).get_node().input_value(0).get_node()
    return ov.Model([mean.input_value(0)], graph.get_parameters(), f"{graph.get_friendly_name()} features")


class _OpenVinoGraph:
    """Nodes are feature maps with the channels before the height and the width."""

    def convolution(
        self, inputs: ov.Node, kernel: npt.NDArray[np.float64], shift: npt.NDArray[np.float64], *, stride: int
    ) -> ov.Node:
        # TensorFlow's SAME puts the odd pixel at the end
        geometry = ([stride, stride], [0, 0], [0, 0], [1, 1], "same_upper")
        if kernel.ndim == 3:
            node = ops.group_convolution(inputs, _constant(kernel[:, None, None]), *geometry)
        else:
            node = ops.convolution(inputs, _constant(kernel), *geometry)
        return ops.add(node, _constant(shift[None, :, None, None]))

    def relu6(self, node: ov.Node) -> ov.Node:
        return ops.clamp(node, 0.0, 6.0)

    def add(self, first: ov.Node, second: ov.Node) -> ov.Node:
        return ops.add(first, second)

    def average(self, node: ov.Node) -> ov.Node:
        return ops.reduce_mean(node, ops.constant([2, 3], np.int64), keep_dims=False)


def _constant(values: npt.ArrayLike) -> ov.Node:
    return ops.constant(np.asarray(values, np.float32))
