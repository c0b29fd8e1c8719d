"""A small picture of each picture, by which one is known again that was encoded anew, resized, turned or mirrored.

A fingerprint is the luma at 32 x 32 pixels, which forgets size, format and quality, and the two chroma planes at 8 x 8.
Candidates are found by a perceptual hash of 63 bits: the signs of the lowest frequencies of the luma's discrete cosine
transform, as in pHash (Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010). To turn or to
mirror a picture transposes that transform and changes signs in it, so the hashes of all eight turns come from one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from lookalike.images.decode import Pixels

    Bytes = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float32]

SIDE = 32
"""Of the luma; decoding may be reduced as long as the short side keeps that."""
TURNS = 8
_CHROMA = 8
_LUMA_BYTES = SIDE * SIDE
LENGTH = _LUMA_BYTES + 2 * _CHROMA * _CHROMA
"""Of a fingerprint, in bytes."""
_LOW = 8
_FLAT = 4.0
"""Standard deviation of the luma below which a picture has no features to be known by."""
_MOST_OFF = 6.0
"""How far luma and chroma of a copy may lie off, on average, of 255: an edit of brightness or colours is no copy."""
_MOST_OFF_ANYWHERE, _MOST_OFF_IN_FINE = 16.0, 22.0
"""How far the luma of a copy may lie off in one place, besides its mean, at 32 and at 64 pixels a side. Encoding anew
and reduced decoding come to 6 and 17, a small caption to 20 and 28: what is written on a picture should not get lost
with a copy."""
_FINE_SIDE, _PLACES = 256, 64
_SAME, _SAME_IN_FINE, _EDITED = 0.985, 0.96, 0.95
"""Correlations from which two fingerprints, and two pictures, are of the same picture, or of an edited one. Those of
different photos of leaves come to 0.81."""


def fingerprint(pixels: Pixels) -> Bytes:
    """Return the fingerprint of a picture; shape (1152,)."""
    ycc = cv2.cvtColor(cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2YCrCb)
    chroma = cv2.resize(ycc[:, :, 1:], (_CHROMA, _CHROMA), interpolation=cv2.INTER_AREA)
    return np.concatenate([ycc[:, :, 0].ravel(), np.ascontiguousarray(chroma.transpose(2, 0, 1)).ravel()])


def hashes(fingerprints: Bytes) -> tuple[Bytes, npt.NDArray[np.bool_]]:
    """Return the hashes of fingerprints, and which of them have one.

    Parameters
    ----------
    fingerprints : shape (n, 1152).

    Returns
    -------
    Shape (n, 8), 64 bits each; and shape (n,), false for pictures of hardly more than one colour.
    """
    return _packed([_lowest(fingerprints)])[:, 0], _luma(fingerprints).std(axis=(1, 2)) >= _FLAT


def turned_hashes(fingerprints: Bytes) -> Bytes:
    """Return the hashes of the eight turns of each picture; shape (n, 8, 8)."""
    low = _lowest(fingerprints)
    alternating = np.where(np.arange(_LOW) % 2, -1, 1)
    turns = []
    for is_transposed, is_mirrored, is_upended in _turns():
        turned = low.transpose(0, 2, 1) if is_transposed else low
        turned = turned * alternating if is_mirrored else turned
        turns.append(turned * alternating[:, None] if is_upended else turned)
    return _packed(turns)


def likeness(one: Bytes, others: Bytes) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return how much others look like a picture, or like one of its turns, and which of them were not edited.

    Parameters
    ----------
    one : shape (1152,).
    others : shape (m, 1152).

    Returns
    -------
    The correlations of the lumas, shape (m,); and shape (m,): whether brightness and colours are the same as well.
    """
    lumas, targets = _each_turn(_luma(one[None])[0]), _luma(others)
    standardised = _standardised(lumas).reshape(TURNS, -1)
    correlations = standardised @ _standardised(targets).reshape(len(others), -1).T / _LUMA_BYTES
    chromas = np.stack([_each_turn(plane) for plane in _chroma(one[None])[0]], axis=1)
    best = correlations.argmax(axis=0)
    off = lumas[best] - targets
    is_unedited = np.abs(off).mean(axis=(1, 2)) <= _MOST_OFF
    is_unedited &= np.abs(off - off.mean(axis=(1, 2), keepdims=True)).max(axis=(1, 2)) <= _MOST_OFF_ANYWHERE
    is_unedited &= np.abs(chromas[best] - _chroma(others)).mean(axis=(1, 2, 3)) <= _MOST_OFF
    return correlations.max(axis=0), is_unedited


def is_same(correlations: Floats, is_unedited: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Say which pictures of such a likeness may be the same picture in other bytes."""
    return (correlations >= _SAME) & is_unedited


def is_edited(correlations: Floats) -> npt.NDArray[np.bool_]:
    """Say which pictures of such a likeness show the same, in other colours say, or with something written on it."""
    return correlations >= _EDITED


def is_same_in_fine(one: Pixels, other: Pixels) -> bool:
    """Say whether two pictures are the same at 256 x 256 pixels, or at the side of the smaller one, in some turn."""
    side = min(_FINE_SIDE, *one.shape[:2], *other.shape[:2])
    first, second = (_grey(pixels, side) for pixels in (one, other))
    target, turns = _standardised(second), _each_turn(first)
    correlations = [float((_standardised(turn) * target).mean()) for turn in turns]
    best = int(np.argmax(correlations))
    if correlations[best] < _SAME_IN_FINE or side < 2 * _PLACES:
        return correlations[best] >= _SAME_IN_FINE
    off = cv2.resize(turns[best] - second, (_PLACES, _PLACES), interpolation=cv2.INTER_AREA)
    return float(np.abs(off - off.mean()).max()) <= _MOST_OFF_IN_FINE


def _lowest(fingerprints: Bytes) -> Floats:
    """Return the lowest frequencies of the lumas; shape (n, 8, 8)."""
    basis = _cosines()
    low: Floats = np.einsum("ui,nij,vj->nuv", basis, _luma(fingerprints), basis, optimize=True)
    return low


def _packed(turns: Sequence[Floats]) -> Bytes:
    """Return the hashes of frequencies, each of shape (n, 8, 8); shape (n, len(turns), 8)."""
    bits = np.stack([turn.reshape(len(turn), -1) > 0 for turn in turns], axis=1)
    bits[:, :, 0] = False  # the mean, which says nothing of the content
    return np.packbits(bits, axis=2)


def _grey(pixels: Pixels, side: int) -> Floats:
    small = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
    grey: Floats = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return grey


def _turns() -> list[tuple[bool, bool, bool]]:
    return [(bool(turn & 4), bool(turn & 2), bool(turn & 1)) for turn in range(TURNS)]


def _each_turn(plane: Floats) -> Floats:
    """Return the eight turns of a square; shape (8, side, side)."""
    turned = []
    for is_transposed, is_mirrored, is_upended in _turns():
        turn = plane.T if is_transposed else plane
        turn = turn[:, ::-1] if is_mirrored else turn
        turned.append(turn[::-1] if is_upended else turn)
    return np.stack(turned)


def _luma(fingerprints: Bytes) -> Floats:
    return fingerprints[:, :_LUMA_BYTES].reshape(-1, SIDE, SIDE).astype(np.float32)


def _chroma(fingerprints: Bytes) -> Floats:
    return fingerprints[:, _LUMA_BYTES:].reshape(-1, 2, _CHROMA, _CHROMA).astype(np.float32)


def _standardised(planes: Floats) -> Floats:
    centred = planes - planes.mean(axis=(-2, -1), keepdims=True)
    scaled: Floats = centred / np.maximum(centred.std(axis=(-2, -1), keepdims=True), 1e-6)
    return scaled


def _cosines() -> Floats:
    """Return the lowest functions of the discrete cosine transform; shape (8, 32)."""
    frequencies, places = np.arange(_LOW)[:, None], np.arange(SIDE)[None]
    basis: Floats = np.cos(np.pi * frequencies * (2 * places + 1) / (2 * SIDE)).astype(np.float32)
    return basis
