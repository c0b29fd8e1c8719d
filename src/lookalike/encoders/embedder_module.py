"""A checkpoint's model and pooling as one PyTorch module, which converters take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from lookalike.encoders.transformers_encoder import TransformersEncoder


class Embedder(torch.nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """Model and pooling as one module: pixel values (n, 3, height, width) to embeddings (n, dim)."""

    def __init__(self, encoder: TransformersEncoder) -> None:
        super().__init__()
        self.model = encoder.model
        self._embed = encoder.embed

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Embed prepared pictures."""
        return self._embed({"pixel_values": pixel_values})
