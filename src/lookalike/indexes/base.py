"""The protocol of an index."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.metric import Metric


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """What an index was asked to be."""

    backend: str
    metric: Metric
    dim: int
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The nearest rows of each query, best first.

    Equal scores are in the order of positions. A query with fewer than k rows to find is padded at its end.
    """

    positions: Positions
    """Shape (q, k), int64; -1 pads."""
    scores: Vectors
    """Shape (q, k), float32, descending; -inf pads. Larger is more alike."""

    @staticmethod
    def padding(queries: int, k: int) -> Neighbors:
        """Return neighbours that hold nothing yet."""
        return Neighbors(np.full((queries, k), -1, np.int64), np.full((queries, k), -np.inf, np.float32))


class Index(Protocol):
    """Finds the nearest rows of a fixed matrix."""

    @property
    def spec(self) -> IndexSpec:
        """What the index was asked to be."""
        ...

    @property
    def is_exact(self) -> bool:
        """Whether every search returns the true nearest rows."""
        ...

    @property
    def nbytes(self) -> int:
        """The memory or mapped file that the index occupies, in bytes."""
        ...

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def search(self, queries: Vectors, k: int, allowed: npt.NDArray[np.bool_] | None = None) -> Neighbors:
        """Return the ``k`` nearest rows for each query.

        Parameters
        ----------
        queries : shape (q, dim), float32, any length; not modified.
        k : at least 1; beyond the number of rows the tail is padded.
        allowed : shape (n,), bool: only rows that are True may be returned; None allows all.

        Returns
        -------
        Neighbors of shape (q, k).

        Raises
        ------
        ShapeError : if ``queries`` or ``allowed`` has another shape.
        """
        ...

    def save(self, path: Path) -> None:
        """Write the index into a new folder at ``path``."""
        ...
