"""The embedded encoder as a TFLite model, built without PyTorch."""

from __future__ import annotations

from lookalike.encoders.efficientnet_lite import MEAN, SCALE, SIDE, assemble
from lookalike.encoders.embedded import published_tensors
from lookalike.mobile.phone_model import PhoneModel
from lookalike.mobile.tflite_graph import TFLiteGraph


def embedded_model(*, in_int8: bool = False) -> PhoneModel:
    """Return EfficientNet-Lite0 with its embeddings scaled to unit length.

    Parameters
    ----------
    in_int8 : keep the weights of convolutions in 8 bits; it computes in floats all the same.
    """
    graph = TFLiteGraph(quantises=in_int8)
    pixels = graph.input((1, SIDE, SIDE, 3))
    embedding = graph.l2_normalised(assemble(graph, pixels, published_tensors()))
    return PhoneModel(graph.model(pixels, embedding), "EfficientNet-Lite0", (MEAN,), (SCALE,))
