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
from lookalike.evaluation.ranking import rankings
from lookalike.images.decode import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lookalike.arrays import Vectors
    from lookalike.encoders.base import Encoder

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
    for ranking in rankings(vectors[asked], vectors, own=asked):
        matches = ranking.matches(numbers, numbers[asked])
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
    files = (copy for path in originals.values() for copy in copies_of(path.read_bytes()))
    copies = np.concatenate(list(embedded(encoder, files)))
    identity = np.unique(digests, return_inverse=True)[1]
    wanted = np.repeat(identity[list(originals)], len(CHANGES))
    measured = []
    for ranking in rankings(copies, vectors):
        matches = ranking.matches(identity, wanted)
        measured.append([precision_at_k(matches, 1), reciprocal_rank(matches)])
    is_first, reciprocal = np.concatenate(measured, axis=1)
    return CopyQuality(
        queries=len(copies),
        recall_at_1=float(is_first.mean()),
        mean_reciprocal_rank=float(reciprocal.mean()),
        recall_by_change={
            change.name: float(is_first[number :: len(CHANGES)].mean()) for number, change in enumerate(CHANGES)
        },
    )


def embedded(encoder: Encoder, files: Iterable[bytes]) -> Iterator[Vectors]:
    """Yield the embeddings of pictures, batch by batch.

    Raises
    ------
    ImageDecodeError : if one of them cannot be read.
    """
    waiting: list[npt.NDArray[Any]] = []
    for data in files:
        waiting.append(prepare(encoder, decode_for(encoder, data).pixels))
        if len(waiting) >= batch_size(encoder):
            yield encode_prepared(encoder, waiting)
            waiting = []
    if waiting:
        yield encode_prepared(encoder, waiting)


def copies_of(picture: bytes) -> list[bytes]:
    """Return the changed copies of a picture as files, one for each of :data:`lookalike.evaluation.augment.CHANGES`.

    Raises
    ------
    ImageDecodeError : if it cannot be read.
    """
    pixels = decode(picture, min_side=_COPY_SIDE).pixels
    return [change(pixels) for change in CHANGES]
