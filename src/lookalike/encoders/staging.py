"""One way to run every encoder: prepare images in any thread, then embed them in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from lookalike.images.decode import DEFAULT_LIMITS, decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import Encoder, StagedEncoder
    from lookalike.images.decode import Decoded, Limits, Pixels

_DEFAULT_BATCH = 32


def _is_staged(encoder: Encoder) -> TypeGuard[StagedEncoder]:
    # asked four times for each image, and by isinstance all members of the protocol are looked up each time
    return hasattr(encoder, "encode_prepared")


def batch_size(encoder: Encoder) -> int:
    """Return how many images the encoder is best given at once."""
    return encoder.batch_size if _is_staged(encoder) else _DEFAULT_BATCH


def batches_at_once(encoder: Encoder) -> int:
    """Return in how many threads it is worth calling :func:`encode_prepared`; one, unless the encoder says more."""
    return max(1, getattr(encoder, "batches_at_once", 1)) if _is_staged(encoder) else 1


def decode_for(encoder: Encoder, data: bytes, limits: Limits = DEFAULT_LIMITS, *, times: int = 1) -> Decoded:
    """Decode an image at the scale that the encoder needs, or at a larger one for parts of it to be embedded.

    Parameters
    ----------
    encoder : knows the scale.
    data : the file.
    limits : a larger picture is refused.
    times : how many times the side of the smallest part fits into that of the picture.

    Raises
    ------
    ImageDecodeError : if the bytes are no readable picture.
    """
    side = encoder.decode_side if _is_staged(encoder) else None
    side = None if side is None else side * times
    return decode(data, min_side=side, most_drift=getattr(encoder, "decode_drift", None), limits=limits)


def prepare(encoder: Encoder, pixels: Pixels) -> npt.NDArray[Any]:
    """Return the input of :func:`encode_prepared` for one image; safe to call from several threads."""
    return encoder.prepare(pixels) if _is_staged(encoder) else pixels


def encode_prepared(encoder: Encoder, prepared: Sequence[npt.NDArray[Any]]) -> Vectors:
    """Embed a batch of what :func:`prepare` returned; shape (n, dim), float32."""
    if _is_staged(encoder):
        return encoder.encode_prepared(np.stack(prepared))
    return encoder.encode_images(prepared)


def embed_image(encoder: Encoder, image: Pixels | bytes, limits: Limits = DEFAULT_LIMITS) -> Vectors:
    """Embed one image just as a gallery embeds it; shape (1, dim), float32."""
    pixels = decode_for(encoder, image, limits).pixels if isinstance(image, bytes) else image
    return encode_prepared(encoder, [prepare(encoder, pixels)])
