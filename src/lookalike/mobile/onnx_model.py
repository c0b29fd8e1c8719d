"""A gallery's encoder as an ONNX model, for browsers and other devices: levels of pixels in, an embedding out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.encoders.efficientnet_lite import DIM, MEAN, SCALE, SIDE, assemble
from lookalike.encoders.embedded import published_tensors
from lookalike.encoders.openvino_runtime import ov
from lookalike.mobile.onnx_graph import OnnxGraph

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from lookalike.arrays import Vectors

PIXELS, EMBEDDING = "pixels", "embedding"


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """An encoder: (n, height, width, 3), uint8, RGB, to (n, dim), float32, of unit length."""

    content: bytes
    height: int
    width: int
    preparation: Mapping[str, Any] | None
    """The numbers by which the gallery brings a picture to that size; None: by a processor of its own."""

    def __call__(self, pixels: npt.NDArray[np.uint8]) -> Vectors:
        """Return the embeddings of pictures, computed here."""
        compiled = ov.Core().compile_model(
            ov.Core().read_model(self.content, b""), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        )
        return np.array(compiled([pixels])[0], np.float32)


def embedded_onnx() -> OnnxModel:
    """Return EfficientNet-Lite0, built without PyTorch."""
    graph = OnnxGraph()
    levels = graph.apply("Cast", [PIXELS], {"to": 1})
    shifted = graph.apply("Sub", [levels, graph.constant(np.float32(MEAN))])
    scaled = graph.apply("Div", [shifted, graph.constant(np.float32(SCALE))])
    maps = graph.apply("Transpose", [scaled], {"perm": [0, 3, 1, 2]})
    vector = assemble(graph, maps, published_tensors())
    graph.apply("LpNormalization", [vector], {"axis": 1, "p": 2}, output=EMBEDDING)
    content = graph.model((PIXELS, (SIDE, SIDE, 3)), (EMBEDDING, DIM))
    return OnnxModel(content, SIDE, SIDE, {"short": 256, "crop": [SIDE, SIDE], "resample": "area"})
