"""A sample of a source's images, for what has to see some before the first is embedded."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from lookalike.building.ahead import ahead
from lookalike.errors import ImageDecodeError
from lookalike.images.decode import DEFAULT_LIMITS, Limits, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lookalike.images.decode import Pixels
    from lookalike.images.ref import ImageRef
    from lookalike.sources.base import Source

SAMPLE = 160
_LISTED = 5_000
"""Items to list at most: listing all of a large archive would take as long as reading it."""


def sample_images(source: Source, limits: Limits = DEFAULT_LIMITS, count: int = SAMPLE) -> Iterator[Pixels]:
    """Yield images from the beginning of a source, spread over it so that its first folder is not all there is.

    Parameters
    ----------
    source : is listed once, and read as far as it is sampled.
    limits : larger images are left out, as are those that cannot be read.
    count : at most so many are yielded.
    """
    refs = list(islice(source, _LISTED))
    wanted = min(count, len(refs))

    def decoded(ref: ImageRef) -> Pixels | None:
        try:
            if ref.size is not None:
                limits.check_bytes(ref.size)
            return decode(source.read(ref), limits=limits).pixels
        except (ImageDecodeError, OSError):
            return None  # the build names it, with the reason

    for _, pixels in ahead(decoded, (refs[number * len(refs) // wanted] for number in range(wanted))):
        if pixels is not None:
            yield pixels
