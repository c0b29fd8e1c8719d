"""Whether embeddings are what they should be: made by the encoder that is said to have made them, and finite."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.arrays import normalised
from lookalike.encoders.precomputed import NAME
from lookalike.encoders.staging import embed_image
from lookalike.errors import EncoderError, ImageDecodeError, InputError
from lookalike.sources.precomputed import PrecomputedRef, what_is_wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import Encoder, EncoderSpec
    from lookalike.images.decode import Limits
    from lookalike.images.ref import ImageRef
    from lookalike.sources.base import Source

_LOOKED_AT = 1_000
_COMPARED = 4
_REMEDY = (
    "name the encoder that made them with --encoder, or none, and index them into a gallery of their own with --gallery"
)
_SAME = 0.99
"""The least cosine between two embeddings of one picture by one encoder; decoders and processors differ a little."""


def check_precomputed(refs: Iterable[ImageRef], source: Source, encoder: Callable[[], Encoder], limits: Limits) -> None:
    """Embed the first few pictures that can be read, and compare with the embeddings that came along.

    Parameters
    ----------
    refs : of the source; those without embeddings are passed over. Where the first thousand have no picture at hand,
        nothing is compared.
    source : reads the pictures.
    encoder : returns the encoder; called only if there is something to compare.
    limits : larger pictures are passed over.

    Raises
    ------
    InputError : if one of them differs.
    """
    compared = 0
    for ref in islice(refs, _LOOKED_AT):
        if not isinstance(ref, PrecomputedRef) or what_is_wrong(ref.embedding, ref.dim):
            continue
        try:
            data = source.read(ref)
            made = embed_image(encoder(), data, limits)
        except (OSError, ImageDecodeError):
            continue
        _compare(ref, made, encoder().spec, source.uri)
        compared += 1
        if compared == _COMPARED:
            return


def check_length(found: int, wanted: int, uri: str, whose: str) -> None:
    """Compare the length of the embeddings of a source with that of others, which are named for the message.

    Raises
    ------
    InputError : if they differ.
    """
    if found != wanted:
        msg = f"{uri}: its embeddings have {found} numbers each, and those of {whose} have {wanted}; {_REMEDY}"
        raise InputError(msg)


def has_encoder(spec: Mapping[str, Any]) -> bool:
    """Say whether there is an encoder behind the embeddings of a gallery, going by what it stores of its spec."""
    return spec.get("name") != NAME


def _compare(ref: PrecomputedRef, made: Vectors, spec: EncoderSpec, uri: str) -> None:
    given = np.asarray(ref.embedding, np.float32).reshape(1, -1)
    cosine = float((normalised(given) * normalised(made)).sum())
    if cosine < _SAME:
        msg = (
            f"{uri}: its embeddings were not made by {spec}: that of {ref.uri} has a cosine of {cosine:.3f} to what "
            f"this encoder makes of the picture; {_REMEDY}"
        )
        raise InputError(msg)


def checked_embeddings(encoder: Encoder, vectors: Vectors, count: int) -> Vectors:
    """Return the embeddings of a batch if a gallery can hold them: one that is not finite would spoil every search.

    Raises
    ------
    EncoderError : if they are of another shape, or not finite.
    """
    array = np.asarray(vectors, np.float32)
    found = ""
    if array.shape != (count, encoder.spec.dim):
        found = f"an array of shape {array.shape}, not {(count, encoder.spec.dim)}"
    elif not np.isfinite(array).all():
        found = "values that are not finite"
    if found:
        msg = f"the encoder {encoder.spec.name} returned {found}; use another encoder, or another precision"
        raise EncoderError(msg)
    return array
