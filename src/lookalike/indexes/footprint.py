"""What building an index takes at most, told before it begins, and refused where the machine has not got it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from lookalike.errors import IndexTooLargeError
from lookalike.indexes.base import Footprint
from lookalike.indexes.building import EXACT, backend_of, is_raw
from lookalike.indexes.preparation import rows_per_chunk
from lookalike.memory import available_memory
from lookalike.options import parse_choice

if TYPE_CHECKING:
    from pathlib import Path

    from lookalike.arrays import Vectors
    from lookalike.metric import Metric

_FITTED_ROWS = 8_192
"""Of the embeddings that a projection is fitted to, held at once."""
_SMALL = 16 << 20
"""Of buffers of threads, and of what the allocator keeps."""


def footprint_of(spec: str, vectors: Vectors, *, metric: Metric) -> Footprint | None:
    """Return what :func:`lookalike.indexes.building.build_index` takes at most; None where nobody knows.

    A backend tells it by a class method ``footprint(rows, spec)``, without which it is not known; what the index takes
    around its backend is added here. Exact search builds nothing.

    Parameters
    ----------
    spec, vectors, metric : as for the build; no row is read.

    Raises
    ------
    UnknownNameError, InputError, BackendMissingError : as the build does.
    """
    rows, source_dim = vectors.shape
    asked, backend = backend_of(spec, metric=metric, dim=source_dim)
    if str(asked) == EXACT:
        return Footprint(0, 0)
    if not hasattr(backend, "footprint"):
        return None
    dim, matrix = source_dim, 0
    around = chunk = 0 if is_raw(backend) else 4 * source_dim * min(rows, rows_per_chunk(source_dim))
    if asked.projection:
        dim = _projected_dim(asked.projection, source_dim)
        matrix = 4 * source_dim * (dim + 1)
        fitting = _FITTED_ROWS * 12 * source_dim + 32 * source_dim**2
        around = max(chunk * (9 * source_dim + 8 * dim) // (4 * source_dim), fitting)  # scaled, centred and projected
    inner: Footprint = backend.footprint(rows, replace(asked, dim=dim, projection=""))
    norms = 4 * rows
    return Footprint(inner.memory + around + matrix + 2 * norms + _SMALL, inner.disk + matrix + norms + (1 << 16))


def check_room(spec: str, rows: int, needed: Footprint, folder: Path | None = None) -> None:
    """Refuse an index that would not fit into the memory, or onto the disk.

    Parameters
    ----------
    spec, rows : of the index, for the message.
    needed : what it takes.
    folder : where it is to be kept; None: nowhere.

    Raises
    ------
    IndexTooLargeError : if it does not fit.
    """
    index = f"{spec} over {rows:,} rows"
    memory = available_memory()
    if memory is not None and needed.memory > memory:
        raise IndexTooLargeError(index, "memory", needed.memory, memory)
    disk = None if folder is None else shutil.disk_usage(folder).free
    if disk is not None and needed.disk > disk:
        raise IndexTooLargeError(index, "disk", needed.disk, disk)


def _projected_dim(projection: str, dim: int) -> int:
    """Return to how many dimensions a projection leads, or all where that depends on the rows."""
    first = next(iter(parse_choice(projection).arguments), "")
    return min(int(first), dim) if first.isdecimal() else dim
