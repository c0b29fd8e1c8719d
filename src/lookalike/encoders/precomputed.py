"""The space of embeddings that somebody else made, with an encoder that nobody named."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from lookalike.encoders.base import EncoderSpec
from lookalike.errors import EncoderError

if TYPE_CHECKING:
    from lookalike.encoders.loading import EncoderOptions

NAME = "precomputed"


def precomputed_spec(dim: int) -> EncoderSpec:
    """Return the spec of a gallery whose embeddings came without an encoder; ``dim`` is their length."""
    return EncoderSpec(
        name=NAME,
        revision="",
        weights_digest="",
        pooling="none",
        preprocessing="none",
        precision="f32",
        dim=dim,
        modalities=(),
    )


def load(name: str, options: EncoderOptions) -> NoReturn:  # noqa: ARG001  (what the registry calls)
    """Say that there is no such encoder.

    Raises
    ------
    EncoderError : always.
    """
    msg = (
        "this gallery holds precomputed embeddings and no encoder, so that pictures and words cannot be embedded: ask "
        "with id:ID or a vector, or index the embeddings into a new gallery with the --encoder that made them"
    )
    raise EncoderError(msg)
