"""Pictures to try an encoder on: they differ from one another in what encoders see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from lookalike.images.decode import Pixels

_SHAPES = ((48, 64), (64, 48), (240, 320), (320, 240), (500, 500), (33, 200))


def probe_images() -> list[Pixels]:
    """Return noise and blurred noise, lying and standing, small and large; the same each time.

    Returns
    -------
    Each of shape (height, width, 3), uint8.
    """
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (48, 64, 3), np.uint8)]
    for number, (height, width) in enumerate(_SHAPES):
        cells = 2 + 2 * number
        coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), np.uint8))
        images.append(np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)))
    return images
