"""The grid of tiles that pictures are cut into, so that each part of a picture can be found."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.images.region import Box

_LEVELS = (2, 3)
TILES = sum(level * level for level in _LEVELS)
"""Of each picture, besides the whole."""
MOST_ALONG_A_SIDE = 2
"""How many times the side of the smallest tiles fits into that of the picture."""


def tile_boxes(width: int, height: int) -> list[Box]:
    """Return the tiles of a picture of that size: two by two and three by three, neighbours half over each other.

    A tile of a level of n by n has 2 / (n + 1) of the picture's width and height: 44 % and 25 % of its area. So any
    region of such a size shares most of its area with a tile. No tile is empty, however small the picture is.

    Notes
    -----
    The grid is that of R-MAC (Tolias, Sicre and Jegou, Particular object retrieval with integral max-pooling of CNN
    activations, arXiv:1511.05879), with rectangles of the picture's proportions for its squares.

    Examples
    --------
    >>> tile_boxes(300, 120)[:5]
    [(0, 0, 200, 80), (100, 0, 200, 80), (0, 40, 200, 80), (100, 40, 200, 80), (0, 0, 150, 60)]
    """
    return [
        (left, top, wide, tall)
        for level in _LEVELS
        for top, tall in _spans(height, level)
        for left, wide in _spans(width, level)
    ]


def _spans(side: int, level: int) -> list[tuple[int, int]]:
    """Return where the tiles of a level begin along a side, and how long they are."""
    edges = [(side * i // (level + 1), -(-side * (i + 2) // (level + 1))) for i in range(level)]
    return [(start, end - start) for start, end in edges]
