"""A TFLite model made by hand: the FlatBuffers schema of LiteRT, ``tflite/schema/schema.fbs``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.mobile.flatbuffer import write_bytes, write_offsets
from lookalike.mobile.litert import flatbuffers, schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_IDENTIFIER, _SCHEMA_VERSION = b"TFL3", 3
_TYPES = {"float32": "FLOAT32", "uint8": "UINT8", "int8": "INT8", "int32": "INT32"}
_PER_CHANNEL_DEQUANTISATION = 5
"""The version of the operator that knows a scale for each channel."""


class TFLiteGraph:
    """Operators over tensors, which are named by their numbers. A network for one picture: its first axis is 1.

    Parameters
    ----------
    quantises : keep the kernels of convolutions in int8, with a scale for each output channel, which the runtime turns
        back into floats when it loads the model.
    """

    def __init__(self, *, quantises: bool = False) -> None:
        self._quantises = quantises
        self._buffers: list[npt.NDArray[Any]] = [np.empty(0, np.uint8)]
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._codes: dict[tuple[int, int], int] = {}

    def input(self, shape: Sequence[int], dtype: npt.DTypeLike = np.float32) -> int:
        """Add a tensor that the caller fills."""
        return self._tensor(tuple(shape), np.dtype(dtype))

    def convolution(
        self, inputs: int, kernel: npt.NDArray[np.float64], shift: npt.NDArray[np.float64], *, stride: int
    ) -> int:
        """See :class:`lookalike.encoders.efficientnet_lite.Graph`."""
        is_depthwise = kernel.ndim == 3
        weights = kernel.transpose(1, 2, 0)[None] if is_depthwise else kernel.transpose(0, 2, 3, 1)
        options = schema.DepthwiseConv2DOptionsT() if is_depthwise else schema.Conv2DOptionsT()
        options.padding = schema.Padding.SAME
        options.strideH = options.strideW = stride
        if is_depthwise:
            options.depthMultiplier = 1
        _, height, width, _ = self._shape(inputs)
        output = self._tensor((1, -(-height // stride), -(-width // stride), len(shift)), np.dtype(np.float32))
        operands = [inputs, self._weights(weights, 3 if is_depthwise else 0), self._constant(shift.astype(np.float32))]
        return self._apply("DEPTHWISE_CONV_2D" if is_depthwise else "CONV_2D", operands, output, options)

    def relu6(self, node: int) -> int:
        """Fuse the activation into the convolution that made the node, which nothing else may use."""
        self._operators[-1].builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.RELU6
        return node

    def add(self, first: int, second: int) -> int:
        """Add tensors of one shape."""
        output = self._tensor(self._shape(first), np.dtype(np.float32))
        return self._apply("ADD", [first, second], output, schema.AddOptionsT())

    def average(self, node: int) -> int:
        """Return the average over height and width, shape (1, channels)."""
        output = self._tensor((1, self._shape(node)[3]), np.dtype(np.float32))
        axes = self._constant(np.array([1, 2], np.int32))
        return self._apply("MEAN", [node, axes], output, schema.ReducerOptionsT())

    def l2_normalised(self, node: int) -> int:
        """Return the vector scaled to unit length."""
        output = self._tensor(self._shape(node), np.dtype(np.float32))
        return self._apply("L2_NORMALIZATION", [node], output, schema.L2NormOptionsT())

    def reshaped(self, node: int, shape: Sequence[int]) -> int:
        """Return the same numbers in another shape."""
        output = self._tensor(tuple(shape), self._dtype(node))
        sizes = self._constant(np.array(shape, np.int32))
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        return self._apply("RESHAPE", [node, sizes], output, options)

    def model(self, inputs: int, outputs: int) -> bytes:
        """Return the model file."""
        builder = flatbuffers.Builder(sum(buffer.nbytes + 64 for buffer in self._buffers))
        buffers = [_packed_buffer(builder, buffer) for buffer in self._buffers]
        subgraph = schema.SubGraphT()
        subgraph.tensors, subgraph.operators = self._tensors, self._operators
        subgraph.inputs, subgraph.outputs = [inputs], [outputs]
        offsets = {"buffers": buffers, "subgraphs": [subgraph.Pack(builder)]}
        offsets["operatorCodes"] = [self._packed_code(builder, *code) for code in self._codes]
        vectors = {name: write_offsets(builder, items) for name, items in offsets.items()}
        schema.ModelStart(builder)
        schema.ModelAddVersion(builder, _SCHEMA_VERSION)
        schema.ModelAddOperatorCodes(builder, vectors["operatorCodes"])
        schema.ModelAddSubgraphs(builder, vectors["subgraphs"])
        schema.ModelAddBuffers(builder, vectors["buffers"])
        builder.Finish(schema.ModelEnd(builder), file_identifier=_IDENTIFIER)
        return bytes(builder.Output())

    def _apply(self, name: str, inputs: list[int], output: int, options: Any, *, version: int = 1) -> int:
        operator = schema.OperatorT()
        code = getattr(schema.BuiltinOperator, name)
        operator.opcodeIndex = self._codes.setdefault((code, version), len(self._codes))
        operator.inputs, operator.outputs = inputs, [output]
        if options is not None:
            operator.builtinOptions = options
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self._operators.append(operator)
        return output

    def _weights(self, values: npt.NDArray[np.float64], channels: int) -> int:
        if not self._quantises:
            return self._constant(values.astype(np.float32))
        others = tuple(axis for axis in range(values.ndim) if axis != channels)
        scale = np.maximum(np.abs(values).max(axis=others, keepdims=True), 1e-12) / 127
        quantised = self._constant(np.rint(values / scale).astype(np.int8))
        about = schema.QuantizationParametersT()
        about.scale, about.zeroPoint = scale.ravel().tolist(), [0] * values.shape[channels]
        about.quantizedDimension = channels
        self._tensors[quantised].quantization = about
        output = self._tensor(values.shape, np.dtype(np.float32))
        return self._apply("DEQUANTIZE", [quantised], output, None, version=_PER_CHANNEL_DEQUANTISATION)

    def _constant(self, values: npt.NDArray[Any]) -> int:
        number = self._tensor(values.shape, values.dtype)
        self._tensors[number].buffer = len(self._buffers)
        self._buffers.append(np.ascontiguousarray(values))
        return number

    def _tensor(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type = list(shape), getattr(schema.TensorType, _TYPES[dtype.name])
        tensor.name = str(len(self._tensors))
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(self._tensors[tensor].shape)

    def _dtype(self, tensor: int) -> np.dtype[Any]:
        kind = self._tensors[tensor].type
        return np.dtype(next(name for name, value in _TYPES.items() if getattr(schema.TensorType, value) == kind))

    def _packed_code(self, builder: Any, code: int, version: int) -> int:
        operator = schema.OperatorCodeT()
        operator.builtinCode = operator.deprecatedBuiltinCode = code
        operator.version = version
        packed: int = operator.Pack(builder)
        return packed


def _packed_buffer(builder: Any, values: npt.NDArray[Any]) -> int:
    if values.nbytes:
        vector = write_bytes(builder, values.tobytes())
    schema.BufferStart(builder)
    if values.nbytes:
        schema.BufferAddData(builder, vector)
    packed: int = schema.BufferEnd(builder)
    return packed
