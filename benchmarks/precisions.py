"""The embedded encoder in every precision that the processor has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lookalike

if TYPE_CHECKING:
    from lookalike.encoders.base import Encoder


def encoders_at_hand() -> dict[str, Encoder]:
    """Return the encoders by their precision, f32 first."""
    found = {"f32": lookalike.load_encoder(precision="f32")}
    try:
        found["bf16"] = lookalike.load_encoder(precision="bf16")
    except lookalike.LookalikeError as error:
        print(f"bf16 is left out: {error}")
    return found
