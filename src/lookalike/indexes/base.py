"""The protocol of an index."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lookalike.options import Choice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.indexes.preparation import PreparedRows
    from lookalike.metric import Metric
    from lookalike.options import Parameter

SEPARATOR = "/"
"""Stands between a projection and a backend: no factory string of FAISS has one."""


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """What an index was asked to be; :func:`lookalike.indexes.specs.parse_index` reads it from text."""

    backend: str
    metric: Metric
    dim: int
    params: Mapping[str, Any] = field(default_factory=dict)
    """The backend's options by name."""
    arguments: tuple[str, ...] = ()
    """What was said to the backend without a name, such as the parts of a factory string."""
    projection: str = ""
    """The projection that the backend searches behind, such as ``pca:128``; empty for none."""

    @property
    def choice(self) -> Choice:
        """The backend with its options."""
        return Choice(self.backend, self.arguments, {name: str(value) for name, value in self.params.items()})

    def __str__(self) -> str:
        return f"{self.projection}{SEPARATOR}{self.choice}" if self.projection else str(self.choice)


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


@dataclass(frozen=True, slots=True)
class Footprint:
    """What building an index takes at most, in bytes."""

    memory: int
    """Beyond what the process holds before, at the peak; mapped files do not count."""
    disk: int
    """Of the index when it is saved."""


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


class Backend(Protocol):
    """Proposes rows that may be the nearest: what an approximate index needs from the structure inside it.

    :class:`lookalike.indexes.approximate.ApproximateIndex` does the rest for all backends: it drops padding and
    repetitions, keeps to the allowed rows, scores every proposal exactly, and completes what came short. A plug-in
    registers such a class in the entry-point group ``lookalike.indexes``. One with ``stays_on_a_core = True`` is asked
    for the parts of a large batch by several threads at once, in each of which FAISS has one thread; :meth:`propose`
    has to be safe for that.

    A backend sees its rows and queries prepared (:class:`lookalike.indexes.preparation.Preparation`): the metric of its
    spec is inner product or l2, its dim is that of the projection if there is one.
    """

    can_filter: bool
    """Whether :meth:`propose` keeps to the allowed rows; otherwise it is given None, and asked for more."""
    parameters: Mapping[str, Parameter]
    """What a search may be given, by name. ``oversample`` is applied by the index: how many times k rows to ask for."""

    @classmethod
    def build(cls, rows: PreparedRows, spec: IndexSpec, *, seed: int) -> Backend:
        """Build over all rows.

        Raises
        ------
        InputError : if the options of the spec cannot be used, or not with these rows.
        RemoteError : if the server of a :class:`ServerBackend` cannot be reached.
        """
        ...

    @classmethod
    def load(cls, folder: Path, spec: IndexSpec) -> Backend:
        """Open what :meth:`save` wrote; files are mapped rather than read where that is possible.

        Raises
        ------
        IndexUnusableError : if the files are damaged.
        """
        ...

    @property
    def nbytes(self) -> int:
        """The memory or mapped files that it occupies, in bytes."""
        ...

    @property
    def details(self) -> Mapping[str, str | int | float]:
        """What was chosen where the spec left it open."""
        ...

    def propose(
        self,
        queries: Vectors,
        count: int,
        *,
        allowed: npt.NDArray[np.bool_] | None,
        parameters: Mapping[str, float],
    ) -> Positions:
        """Return rows that may be the nearest.

        Parameters
        ----------
        queries : shape (q, dim), prepared.
        count : how many a query should have; fewer or more are fine.
        allowed : shape (n,), or None for all.
        parameters : a value for each of :attr:`parameters`.

        Returns
        -------
        Shape (q, any), int64, in any order; -1 pads.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write files into an existing empty folder.

        Raises
        ------
        OSError : if they cannot be written.
        """
        ...


class GrowingBackend(Backend, Protocol):
    """A backend that takes rows in after it was built."""

    def insert(self, rows: Vectors) -> None:
        """Append prepared rows, shape (m, dim); their positions follow those of the rows it holds.

        Raises
        ------
        InputError : if this structure takes none.
        """
        ...


class TableBackend(Backend, Protocol):
    """A backend that searches the table which the embeddings are stored in, so it sees rows and queries as they are.

    It has the class attribute ``is_raw = True``.
    """

    is_raw: bool

    def attach(self, source: Vectors) -> None:
        """Say which table it searches, after it was loaded.

        Raises
        ------
        InputError : if the rows are no such table.
        """
        ...


class ServerBackend(Backend, Protocol):
    """A backend that keeps its structure on a server; the folder that it is saved in says which one it is.

    Where the server is away, :meth:`Backend.load` raises an IndexUnusableError, and :meth:`Backend.propose` returns no
    rows, so that the search is exact.
    """

    def claim(self, owner: str) -> None:
        """Say whose the structure is, before it is saved.

        Raises
        ------
        RemoteError : if the server cannot be reached.
        """
        ...

    @classmethod
    def drop_unused(cls, owner: str, folder: Path) -> bool:
        """Remove an owner's structures that no index below a folder refers to; say whether there may be others left."""
        ...
