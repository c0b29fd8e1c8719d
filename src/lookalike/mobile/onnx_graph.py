"""An ONNX model made by hand: ``onnx.proto`` of https://github.com/onnx/onnx, operators of version 17."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.mobile import wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_IR_VERSION, _OPSET = 8, 17
_TYPES = {"float32": 1, "uint8": 2, "int64": 7}
_INT, _STRING, _INTS = 2, 3, 7
_BATCH = "n"


class OnnxGraph:
    """Operators over values, which are named by their numbers; maps have the channels before height and width."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._values = 0

    def convolution(
        self, inputs: str, kernel: npt.NDArray[np.float64], shift: npt.NDArray[np.float64], *, stride: int
    ) -> str:
        """See :class:`lookalike.encoders.efficientnet_lite.Graph`."""
        is_depthwise = kernel.ndim == 3
        weights = self.constant((kernel[:, None] if is_depthwise else kernel).astype(np.float32))
        options: dict[str, Any] = {"strides": [stride, stride], "auto_pad": "SAME_UPPER"}
        if is_depthwise:
            options["group"] = len(kernel)
        return self.apply("Conv", [inputs, weights, self.constant(shift.astype(np.float32))], options)

    def relu6(self, node: str) -> str:
        """Cut values off at 0 and 6."""
        return self.apply("Clip", [node, *(self.constant(np.float32(bound)) for bound in (0, 6))])

    def add(self, first: str, second: str) -> str:
        """Add maps of one shape."""
        return self.apply("Add", [first, second])

    def average(self, node: str) -> str:
        """Return the average over each map, shape (n, channels)."""
        return self.apply("Flatten", [self.apply("GlobalAveragePool", [node])])

    def apply(
        self, operator: str, inputs: Sequence[str], options: dict[str, Any] | None = None, *, output: str = ""
    ) -> str:
        """Add an operator; returns its result, under a new name where none is given."""
        output = output or self._new()
        node = b"".join(wire.blob(1, name.encode()) for name in inputs) + wire.blob(2, output.encode())
        attributes = b"".join(wire.blob(5, _attribute(*option)) for option in (options or {}).items())
        self._nodes.append(node + wire.blob(4, operator.encode()) + attributes)
        return output

    def constant(self, values: npt.ArrayLike) -> str:
        """Add numbers of float32 or int64."""
        array, name = np.asarray(values), self._new()
        dims = b"".join(wire.whole(1, size) for size in array.shape)
        about = dims + wire.whole(2, _TYPES[array.dtype.name]) + wire.blob(8, name.encode())
        self._constants.append(about + wire.blob(9, array.tobytes()))
        return name

    def model(self, inputs: tuple[str, Sequence[int]], output: tuple[str, int]) -> bytes:
        """Return the model file.

        Parameters
        ----------
        inputs : the name of the pixels, of uint8, and their shape behind the first axis, which is free.
        output : the name of the embedding and its length.
        """
        name, shape = inputs
        embedding, dim = output
        graph = b"".join(wire.blob(1, node) for node in self._nodes) + wire.blob(2, b"encoder")
        graph += b"".join(wire.blob(5, constant) for constant in self._constants)
        graph += wire.blob(11, _value(name, "uint8", shape)) + wire.blob(12, _value(embedding, "float32", [dim]))
        about = wire.whole(1, _IR_VERSION) + wire.blob(2, b"lookalike")
        return about + wire.blob(7, graph) + wire.blob(8, wire.blob(1, b"") + wire.whole(2, _OPSET))

    def _new(self) -> str:
        self._values += 1
        return str(self._values)


def _attribute(name: str, value: int | str | list[int]) -> bytes:
    head = wire.blob(1, name.encode())
    if isinstance(value, int):
        return head + wire.whole(3, value) + wire.whole(20, _INT)
    if isinstance(value, str):
        return head + wire.blob(4, value.encode()) + wire.whole(20, _STRING)
    return head + b"".join(wire.whole(8, item) for item in value) + wire.whole(20, _INTS)


def _value(name: str, kind: str, shape: Sequence[int]) -> bytes:
    sizes = [wire.blob(2, _BATCH.encode()), *(wire.whole(1, size) for size in shape)]
    dims = b"".join(wire.blob(1, size) for size in sizes)
    tensor = wire.whole(1, _TYPES[kind]) + wire.blob(2, dims)
    return wire.blob(1, name.encode()) + wire.blob(2, wire.blob(1, tensor))
