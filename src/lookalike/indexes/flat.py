"""Projected rows, all compared with each query: exact search in fewer dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lookalike.indexes.base import Footprint
from lookalike.indexes.exact import ExactIndex
from lookalike.indexes.files import read_array
from lookalike.options import Options, Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.indexes.base import IndexSpec
    from lookalike.indexes.preparation import PreparedRows

_ROWS = "rows.npy"


class FlatBackend:
    """Proposes the nearest of the prepared rows.

    Options: ``oversample`` (of searches too; 4), how many times k rows are scored again in all dimensions.
    """

    can_filter = True

    def __init__(self, rows: Vectors, spec: IndexSpec) -> None:
        options = Options(spec.choice)
        options.refuse_arguments()
        self.parameters = {"oversample": options.parameter("oversample", Parameter(4, is_whole=False))}
        options.refuse_others()
        self._rows = rows
        self._exact = ExactIndex(rows, metric=spec.metric)

    @classmethod
    def build(cls, rows: PreparedRows, spec: IndexSpec, *, seed: int) -> FlatBackend:  # noqa: ARG003  # nothing is drawn
        """Keep all prepared rows."""
        return cls(rows.whole(), spec)

    @classmethod
    def footprint(cls, rows: int, spec: IndexSpec) -> Footprint:
        """Bound what :meth:`build` takes: all prepared rows, and their lengths."""
        return Footprint(rows * (4 * spec.dim + 8), 4 * rows * spec.dim)

    @classmethod
    def load(cls, folder: Path, spec: IndexSpec) -> FlatBackend:
        """Map the rows that :meth:`save` wrote."""
        return cls(read_array(folder, _ROWS, mapped=True), spec)

    @property
    def nbytes(self) -> int:
        """The size of the prepared rows in bytes."""
        return int(self._rows.nbytes)

    @property
    def details(self) -> Mapping[str, str | int | float]:
        """The number of dimensions."""
        return {"dim": int(self._rows.shape[1])}

    def propose(
        self,
        queries: Vectors,
        count: int,
        *,
        allowed: npt.NDArray[np.bool_] | None,
        parameters: Mapping[str, float],  # noqa: ARG002  # the index has applied the only one
    ) -> Positions:
        """Return the nearest prepared rows."""
        return self._exact.search(queries, count, allowed).positions

    def insert(self, rows: Vectors) -> None:
        """Append prepared rows."""
        self._rows = np.concatenate([self._rows, rows])
        self._exact = ExactIndex(self._rows, metric=self._exact.spec.metric)

    def save(self, folder: Path) -> None:
        """Write the prepared rows."""
        np.save(folder / _ROWS, self._rows)
