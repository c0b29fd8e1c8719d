"""Small image models that OpenVINO cannot take over from PyTorch, each for a reason of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import transformers
from transformers.modeling_outputs import BaseModelOutput

if TYPE_CHECKING:
    from pathlib import Path

SIDE, DIM = 16, 8


class OddConfig(transformers.PretrainedConfig):
    model_type = "lookalike-test-odd"

    def __init__(self, oddity: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.oddity = oddity


class OddModel(transformers.PreTrainedModel):
    config_class = OddConfig
    main_input_name = "pixel_values"

    def __init__(self, config: OddConfig) -> None:
        super().__init__(config)
        self.layer = torch.nn.Linear(3 * SIDE * SIDE, DIM)
        self.post_init()

    def forward(self, pixel_values: torch.Tensor, **_: Any) -> BaseModelOutput:
        values = self.layer(pixel_values.flatten(1))
        if self.config.oddity == "operation":
            values = torch.special.bessel_j1(values)  # OpenVINO has none
        elif self.config.oddity == "branch" and len(pixel_values) > 2:
            values = values.flip(1)  # a trace follows one branch, whatever the size of a batch
        return BaseModelOutput(last_hidden_state=values[:, :, None, None])


def save_odd(folder: Path, oddity: str) -> Path:
    """Save a model with an oddity, ``operation`` or ``branch``, and its processor; returns the folder."""
    transformers.AutoConfig.register(OddConfig.model_type, OddConfig, exist_ok=True)
    transformers.AutoModel.register(OddConfig, OddModel, exist_ok=True)
    torch.manual_seed(0)
    OddModel(OddConfig(oddity)).save_pretrained(folder)
    size = {"height": SIDE, "width": SIDE}
    transformers.ViTImageProcessor(size=size).save_pretrained(folder)
    return folder
