"""How well embeddings find what they should: by labels, or by changed copies of the images themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.encoders.staging import batch_size, decode_for, encode_prepared, prepare
from lookalike.errors import InputError
from lookalike.evaluation.augment import CHANGES
from lookalike.evaluation.measures import average_precision, precision_at_k, reciprocal_rank
from lookalike.images.decode import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import Encoder

_BLOCK = 256
_COPY_SIDE = 512
"""Copies are made of pictures no larger than encoders look at."""


@dataclass(frozen=True, slots=True)
class LabelQuality:
    """How many of the nearest images have the label of the image itself, which is left out."""

    queries: int
    """Images with a label that another image has too: the mean is taken over these."""
    precision_at_1: float
    precision_at_5: float
    mean_average_precision: float

    def to_dict(self) -> dict[str, Any]:
        """Return the measures as JSON-ready values, under their usual names."""
        precision = {"1": self.precision_at_1, "5": self.precision_at_5}
        return {"queries": self.queries, "precision": precision, "map": self.mean_average_precision}


@dataclass(frozen=True, slots=True)
class CopyQuality:
    """How well changed copies find their originals among all images."""

    queries: int
    recall_at_1: float
    """The share of copies whose nearest image is the original, or identical to it."""
    mean_reciprocal_rank: float
    recall_by_change: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the measures as JSON-ready values, under their usual names."""
        return {
            "queries": self.queries,
            "recall": {"1": self.recall_at_1},
            "mrr": self.mean_reciprocal_rank,
            "recall_by_change": {name: {"1": value} for name, value in self.recall_by_change.items()},
        }


def label_quality(vectors: Vectors, labels: Sequence[str | None]) -> LabelQuality:
    """Rank all images for each one, itself left out, by cosine similarity.

    Parameters
    ----------
    vectors : shape (n, dim); equal scores rank in their order.
    labels : n labels; an image without one is never relevant.

    Raises
    ------
    InputError : if no two images have the same label.
    """
    names = np.array(["" if label is None else f"={label}" for label in labels])
    unique, numbers, counts = np.unique(names, return_inverse=True, return_counts=True)
    asked = np.flatnonzero((counts[numbers] > 1) & (unique[numbers] != ""))
    if len(asked) == 0:
        msg = "no two of the images have the same label; take a larger --sample, or other labels with --label-from"
        raise InputError(msg)
    measured = []
    for queries, order in _ranked(_unit(vectors), asked):
        matches = numbers[order] == numbers[queries][:, None]
        measured.append([precision_at_k(matches, 1), precision_at_k(matches, 5), average_precision(matches)])
    first, five, whole = np.concatenate(measured, axis=1).mean(axis=1)
    return LabelQuality(len(asked), float(first), float(five), float(whole))


def copy_quality(
    encoder: Encoder, vectors: Vectors, digests: Sequence[str], originals: Mapping[int, Path]
) -> CopyQuality:
    """Embed changed copies of some images, and rank all images for each copy by cosine similarity.

    Parameters
    ----------
    encoder : which made the vectors.
    vectors : shape (n, dim).
    digests : of the n images: an identical one is as good as the original.
    originals : at least one: the files of those that are copied, by their positions.
    """
    copies = np.concatenate(list(_embedded_copies(encoder, list(originals.values()))))
    identity = np.array(digests)
    order = np.argsort(-(_unit(copies) @ _unit(vectors).T), axis=1, kind="stable")
    positions = np.repeat(list(originals), len(CHANGES))
    matches = identity[order] == identity[positions][:, None]
    is_first = precision_at_k(matches, 1)
    return CopyQuality(
        queries=len(copies),
        recall_at_1=float(is_first.mean()),
        mean_reciprocal_rank=float(reciprocal_rank(matches).mean()),
        recall_by_change={
            change.name: float(is_first[number :: len(CHANGES)].mean()) for number, change in enumerate(CHANGES)
        },
    )


def _embedded_copies(encoder: Encoder, originals: Sequence[Path]) -> Iterator[Vectors]:
    """Yield the embeddings of all changed copies of each picture, batch by batch."""
    waiting: list[npt.NDArray[Any]] = []
    for path in originals:
        pixels = decode(path.read_bytes(), min_side=_COPY_SIDE).pixels
        waiting += [prepare(encoder, decode_for(encoder, change(pixels)).pixels) for change in CHANGES]
        if len(waiting) >= batch_size(encoder):
            yield encode_prepared(encoder, waiting)
            waiting = []
    if waiting:
        yield encode_prepared(encoder, waiting)


def _unit(vectors: Vectors) -> npt.NDArray[np.float64]:
    # in double precision, as a search ranks
    wide = vectors.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    return wide / np.where(norms == 0.0, 1.0, norms)


def _ranked(
    unit: npt.NDArray[np.float64], asked: npt.NDArray[np.int64]
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Yield some of the queries, and the positions of all other rows for each, the most alike first."""
    for start in range(0, len(asked), _BLOCK):
        queries = asked[start : start + _BLOCK]
        scores = unit[queries] @ unit.T
        scores[np.arange(len(queries)), queries] = -np.inf
        yield queries, np.argsort(-scores, axis=1, kind="stable")[:, :-1]
