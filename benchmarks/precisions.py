"""The embedded encoder in every precision that is at hand."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import lookalike
from benchmarks.photos import beans
from lookalike.building.sample import sample_images
from lookalike.sources.resolve import open_source

if TYPE_CHECKING:
    from lookalike.encoders.base import Encoder


def encoders_at_hand() -> dict[str, Encoder]:
    """Return the encoders by their precision, f32 first; int8 is calibrated as if the train split were indexed."""
    found = {precision: _encoder(precision) for precision in ("f32", "bf16", "int8")}
    return {precision: encoder for precision, encoder in found.items() if encoder is not None}


def _encoder(precision: str) -> Encoder | None:
    train = open_source(beans() / "train", base=beans())
    try:
        return lookalike.load_encoder(precision=precision, calibration=partial(sample_images, train))
    except lookalike.LookalikeError as error:
        print(f"{precision} is left out: {error}")
        return None
