"""Which parts of two pictures make an encoder find them alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.arrays import normalised
from lookalike.encoders.base import PatchEncoder
from lookalike.encoders.patches import View, view_of
from lookalike.encoders.staging import encode_prepared
from lookalike.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.encoders.base import Encoder
    from lookalike.images.decode import Pixels

CONTRIBUTION, BEST_MATCH = "contribution", "best-match"
_ROWS = 1_024


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """How much each part of a picture has to do with its likeness to another."""

    grid: npt.NDArray[np.float32]
    """Shape (rows, columns): a value for each place that the encoder tells apart, over what it sees."""
    view: View
    """The part of the picture that it sees."""
    pixels: Pixels
    """The picture, upright, at the scale that it was decoded at."""

    @property
    def values(self) -> npt.NDArray[np.float32]:
        """The values between the places of the grid, bilinear, for every pixel; NaN where the encoder sees nothing.

        Shape (height, width).
        """
        height, width = self.pixels.shape[:2]
        down = _weights(height, len(self.grid), self.view.top, self.view.bottom)
        across = _weights(width, self.grid.shape[1], self.view.left, self.view.right)
        values = down @ self.grid @ across.T
        return values.astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """Two pictures compared in all their parts."""

    score: float
    """The cosine of their embeddings."""
    method: str
    """``contribution``: the values of each map are its places' shares of the score, and add up to it. ``best-match``:
    they are the cosines of each place to the place of the other picture that is most like it, less their mean."""
    query: HeatMap
    hit: HeatMap


def compare_places(encoder: Encoder, query: Pixels, hit: Pixels) -> Likeness:
    """Compare two pictures in all their parts.

    Parameters
    ----------
    encoder : has ``encode_patches``; see :class:`lookalike.encoders.base.PatchEncoder`.
    query, hit : each of shape (height, width, 3), uint8, RGB.

    Raises
    ------
    InputError : if the encoder does not show what it sees at each place.
    LookalikeError : if the encoder cannot be run.

    Notes
    -----
    Where an embedding is the mean of features, the cosine of two embeddings is a sum over places, exactly: that of
    ``f`` and the mean ``g`` of the other picture is ``sum_i (f_i . g) / (n |f| |g|)`` (Stylianou, Souvenir and Pless,
    *Visualizing deep similarity networks*, WACV 2019, arXiv:1901.00536, section 3). Other poolings do not decompose so.
    """
    if not isinstance(encoder, PatchEncoder):
        msg = (
            f"the encoder of this gallery ({encoder.spec.name}) does not show what it sees at each place of a picture; "
            "index with the embedded encoder or a transformers model to have hits explained"
        )
        raise InputError(msg)
    pictures = (query, hit)
    prepared = [encoder.prepare(picture) for picture in pictures]
    views = [view_of(encoder.prepare, *picture.shape[:2]) for picture in pictures]
    patches = encoder.encode_patches(np.stack(prepared))
    if patches.are_averaged:
        method, grids = CONTRIBUTION, _contributions(patches.features)
        score = float(grids[0].sum())
    else:
        method, grids = BEST_MATCH, _best_matches(patches.features)
        own, other = normalised(encode_prepared(encoder, prepared))
        score = float(own @ other)
    first, second = (
        HeatMap(grid.astype(np.float32), view, picture)
        for grid, view, picture in zip(grids, views, pictures, strict=True)
    )
    return Likeness(score, method, first, second)


def _contributions(features: npt.NDArray[np.float32]) -> list[npt.NDArray[Any]]:
    means = features.mean(axis=(1, 2), dtype=np.float64)
    places = features.shape[1] * features.shape[2]
    lengths = np.linalg.norm(means, axis=1).prod()
    return [own @ other / (places * (lengths or 1.0)) for own, other in zip(features, means[::-1], strict=True)]


def _best_matches(features: npt.NDArray[np.float32]) -> list[npt.NDArray[Any]]:
    shape = features.shape[1:3]
    first, second = (normalised(picture.reshape(-1, picture.shape[-1])) for picture in features)
    of_first, of_second = np.empty(len(first), np.float32), np.full(len(second), -np.inf, np.float32)
    for start in range(0, len(first), _ROWS):
        cosines = first[start : start + _ROWS] @ second.T
        of_first[start : start + _ROWS] = cosines.max(axis=1)
        np.maximum(of_second, cosines.max(axis=0), out=of_second)
    return [(best - best.mean()).reshape(shape) for best in (of_first, of_second)]


def _weights(side: int, cells: int, begin: float, end: float) -> npt.NDArray[np.float64]:
    """Return the weights of cells that lie between two shares of a side, for each pixel of it; shape (side, cells)."""
    share = (np.arange(side) + 0.5) / side
    place = (share - begin) / (end - begin) * cells - 0.5
    weights: npt.NDArray[np.float64] = np.maximum(0, 1 - np.abs(place.clip(0, cells - 1)[:, None] - np.arange(cells)))
    weights[(share < begin) | (share > end)] = np.nan
    return weights
