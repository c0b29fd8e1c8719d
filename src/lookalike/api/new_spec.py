"""Which encoder a new gallery is of, given what it is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.building.verification import check_length, check_precomputed
from lookalike.encoders.precomputed import precomputed_spec
from lookalike.sources.precomputed import PrecomputedRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.encoders.base import Encoder, EncoderSpec
    from lookalike.images.decode import Limits
    from lookalike.sources.base import Source


def new_spec(source: Source, encoder: Callable[[], Encoder], limits: Limits, *, is_chosen: bool) -> EncoderSpec:
    """Return the spec of a gallery that is about to be made for a source.

    Parameters
    ----------
    source : the first that the gallery is made from.
    encoder : returns the encoder; not called for embeddings that come without one.
    limits : for the pictures that embeddings are checked with.
    is_chosen : whether the caller chose the encoder, who then says that it made the embeddings.

    Raises
    ------
    SourceError : if the source cannot be read, or is empty.
    InputError : if embeddings were not made by the encoder.
    """
    first = next(iter(source), None)
    if not isinstance(first, PrecomputedRef):
        return encoder().spec
    if not is_chosen:
        return precomputed_spec(first.dim)
    spec = encoder().spec
    check_length(first.dim, spec.dim, source.uri, f"the encoder {spec.name}")
    check_precomputed(source, source, encoder, limits)
    return spec
