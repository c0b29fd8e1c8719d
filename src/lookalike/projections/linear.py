"""An affine map of embeddings: what every projection is once it has been fitted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookalike.arrays import as_vectors
from lookalike.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from lookalike.arrays import Vectors

_MATRIX, _MEAN, _ABOUT = "matrix.npy", "mean.npy", "projection.json"


@dataclass(frozen=True, slots=True, eq=False)
class LinearProjection:
    """Maps a row x to ``matrix @ (x - mean)``."""

    spec: str
    """How it was asked for, such as ``pca:128``."""
    matrix: Vectors
    """Shape (dim, input dim), float32."""
    mean: Vectors
    """Shape (input dim,), float32; zeros where nothing is subtracted."""

    @property
    def dim(self) -> int:
        """The number of dimensions of what comes out."""
        return len(self.matrix)

    @property
    def input_dim(self) -> int:
        """The number of dimensions of what goes in."""
        return int(self.matrix.shape[1])

    @property
    def nbytes(self) -> int:
        """The size of the map in bytes."""
        return int(self.matrix.nbytes + self.mean.nbytes)

    def project(self, vectors: Vectors) -> Vectors:
        """Map points; shape (n, input dim) to (n, dim), float32.

        Raises
        ------
        ShapeError : if ``vectors`` has another number of columns.
        """
        return np.asarray((as_vectors(vectors, dim=self.input_dim) - self.mean) @ self.matrix.T)

    def project_directions(self, vectors: Vectors) -> Vectors:
        """Map without subtracting the mean, as inner products want it; shape (n, input dim) to (n, dim).

        Raises
        ------
        ShapeError : if ``vectors`` has another number of columns.
        """
        return np.asarray(as_vectors(vectors, dim=self.input_dim) @ self.matrix.T)

    def save(self, path: Path) -> None:
        """Write the map into a new folder at ``path``."""
        path.mkdir(parents=True)
        np.save(path / _MATRIX, self.matrix)
        np.save(path / _MEAN, self.mean)
        (path / _ABOUT).write_text(json.dumps({"format": 1, "projection": self.spec}), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> LinearProjection:
        """Read what :meth:`save` wrote.

        Raises
        ------
        InputError : if the folder holds no projection, or a damaged one.
        """
        try:
            about = json.loads((path / _ABOUT).read_text(encoding="utf-8"))
            matrix = np.load(path / _MATRIX, allow_pickle=False)
            mean = np.load(path / _MEAN, allow_pickle=False)
            spec = str(about["projection"])
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            msg = f"the folder {path} holds no readable projection ({error}); fit it again"
            raise InputError(msg) from error
        if matrix.ndim != 2 or mean.shape != (matrix.shape[1],):
            msg = f"the projection in {path} is damaged: a matrix of shape {matrix.shape}, a mean of shape {mean.shape}"
            raise InputError(msg)
        return cls(spec, matrix, mean)
