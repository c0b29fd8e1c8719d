"""Reads searchers: what the client finds can be had without a phone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.arrays import normalised
from lookalike.errors import InputError, StoreMissingError
from lookalike.mobile import index_search, suffixes
from lookalike.mobile.index_file import OnDeviceIndex
from lookalike.mobile.model_file import mapped, mapped_index, metadata_of, without_archive
from lookalike.mobile.model_metadata import ModelMetadata
from lookalike.mobile.phone_model import PhoneModel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lookalike.arrays import Vectors
    from lookalike.images.decode import Pixels


@dataclass(frozen=True, slots=True)
class Found:
    """A hit of a searcher."""

    metadata: bytes
    distance: float
    """As the client returns it."""
    cosine: float
    """What the distance says of it; of codes an estimate."""


@dataclass(frozen=True)
class SearcherFile:
    """A model with its index."""

    path: Path
    model: PhoneModel
    index: OnDeviceIndex
    nbytes: int
    """Of its files."""

    @classmethod
    def open(cls, path: Path) -> SearcherFile:
        """Open a ``.tflite`` file with its index in it, or in a file of the same name with the suffix ``.ldb``.

        Raises
        ------
        StoreMissingError : if there is no such file.
        InputError : if it is no searcher, or it is damaged.
        """
        if not path.is_file():
            raise StoreMissingError(str(path))
        model = without_archive(path.read_bytes())
        data = metadata_of(model)
        about = ModelMetadata("", "") if data is None else ModelMetadata.from_bytes(data)
        beside = path.with_suffix(suffixes.INDEX)
        nbytes = path.stat().st_size
        if about.index_file:
            table = mapped_index(path, about.index_file)
        elif beside.is_file():
            table = mapped(beside)
            nbytes += len(table)
        else:
            msg = f"{path.name} is a model without an index, and there is no {beside.name} beside it; export it again"
            raise InputError(msg)
        phone = PhoneModel(model, about.name or path.stem, about.mean, about.std)
        index = OnDeviceIndex.read(table)
        if index.dim != phone.dim:
            msg = f"the index has embeddings of {index.dim} numbers, and the model makes {phone.dim}; export it again"
            raise InputError(msg)
        return cls(path, phone, index, nbytes)

    @property
    def about(self) -> dict[str, Any]:
        """What the export noted; nothing if another tool made the file."""
        try:
            noted = json.loads(self.index.user_info)
        except ValueError:
            return {}
        return noted if isinstance(noted, dict) else {}

    def embed(self, image: Pixels) -> Vectors:
        """Return the embedding of a picture, just as a phone has it; shape (dim,), float32."""
        return self.model.embed_resized(self.model.resize(image))

    def search(self, queries: Vectors, k: int = 10) -> list[list[Found]]:
        """Return what a phone finds for embeddings, shape (q, dim), the nearest first."""
        queries = normalised(queries) if self.index.is_dot else queries
        found = index_search.search(self.index, queries, k)
        return [self._hits(*answer) for answer in zip(found.positions, found.scores, strict=True)]

    def _hits(self, positions: Sequence[int], scores: Vectors) -> list[Found]:
        cosines = scores if self.index.is_dot else 1 + scores / 2
        kept = [number for number, position in enumerate(positions) if position >= 0]
        metadata = self.index.metadata
        return [Found(metadata[positions[i]], float(-scores[i]), float(np.clip(cosines[i], -1, 1))) for i in kept]
