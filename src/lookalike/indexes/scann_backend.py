"""ScaNN (https://github.com/google-research/google-research/tree/master/scann): anisotropic quantization in a tree."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import scann

from lookalike.errors import IndexUnusableError, InputError, first_line
from lookalike.indexes.base import Footprint
from lookalike.metric import Metric
from lookalike.options import Options, Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.indexes.base import IndexSpec
    from lookalike.indexes.preparation import PreparedRows

_ALL_COMPARED_UP_TO = 2_000
_SAMPLE = 100_000
_THRESHOLD = 0.2
_LEAVES_PER_SEARCHED = 8
_LEAST_SEARCHED = 20
_PARALLEL_FROM = 32
_LEAVES = "num_leaves.txt"
_PICKLE = "scann_docids.pkl"


class ScannBackend:
    """Proposes what ScaNN finds.

    Options of a spec, by ScaNN's own names: ``num_leaves`` of the tree (about the square root of the number of rows; up
    to 2,000 rows there is none unless it is given, and all rows are compared), ``dimensions_per_block`` (2), and of
    searches too ``leaves_to_search``, ``reorder`` (how many times k rows are compared in full, 10) and ``oversample``
    (how many of those are scored exactly, in units of k, 2).

    Notes
    -----
    Guo et al. (arXiv:1908.10396). ScaNN is built from all rows in memory and keeps a copy of them.
    """

    can_filter = False

    def __init__(self, searcher: Any, spec: IndexSpec, *, leaves: int) -> None:
        options = Options(spec.choice)
        options.refuse_arguments()
        _, self._width = _structure(options, 0)
        # the tree's parameters are known without a tree as well: a gallery outgrows that
        searched = min(max(leaves // _LEAVES_PER_SEARCHED, _LEAST_SEARCHED), max(leaves, 1))
        known = {
            "leaves_to_search": Parameter(searched),
            "reorder": Parameter(10, is_whole=False),
            "oversample": Parameter(2, is_whole=False),
        }
        self.parameters = {name: options.parameter(name, parameter) for name, parameter in known.items()}
        options.refuse_others()
        self._searcher = searcher
        self._leaves = leaves
        self._dim = spec.dim

    @classmethod
    def build(cls, rows: PreparedRows, spec: IndexSpec, *, seed: int) -> ScannBackend:  # noqa: ARG003  # it takes none
        """Train and fill from all rows."""
        leaves, width = _structure(Options(spec.choice), len(rows))
        backend = cls(None, spec, leaves=leaves)  # refuses wrong options before the work
        if leaves > len(rows):
            msg = f"scann: num_leaves must be at most the number of rows, {len(rows)}, got {leaves}"
            raise InputError(msg)
        measure = "squared_l2" if spec.metric is Metric.L2 else "dot_product"
        builder = scann.scann_ops_pybind.builder(rows.whole(), 10, measure)
        if leaves:
            threshold = math.nan if spec.metric is Metric.L2 else _THRESHOLD  # it is made for inner products
            searched = int(backend.parameters["leaves_to_search"].default)
            builder = builder.tree(leaves, searched, training_sample_size=_SAMPLE)
            builder = builder.score_ah(width, anisotropic_quantization_threshold=threshold).reorder(100)
        else:
            builder = builder.score_brute_force()
        backend._searcher = builder.build()
        return backend

    @classmethod
    def check(cls, spec: IndexSpec) -> None:
        """Refuse options that no number of rows would make right."""
        _structure(Options(spec.choice), 0)
        cls(None, spec, leaves=0)

    @classmethod
    def footprint(cls, rows: int, spec: IndexSpec) -> Footprint:
        """Bound what :meth:`build` takes: four copies of the rows as measured, and another of those it learns from."""
        leaves, width = _structure(Options(spec.choice), rows)
        row, code = 4 * spec.dim, math.ceil(spec.dim / width)
        tree = 2 * row * leaves
        stored = rows * (row + code + 16) + tree
        return Footprint(4 * row * rows + row * min(rows, _SAMPLE) + code * rows + tree, stored)

    @classmethod
    def load(cls, folder: Path, spec: IndexSpec) -> ScannBackend:
        """Read what :meth:`save` wrote."""
        if (folder / _PICKLE).exists():  # ScaNN would unpickle it, and this module never writes it
            raise IndexUnusableError(str(folder), f"it holds a foreign file, {_PICKLE}")
        try:
            leaves = int((folder / _LEAVES).read_text(encoding="utf-8"))
            searcher = scann.scann_ops_pybind.load_searcher(str(folder), assets_backcompat_shim=False)
        except (OSError, ValueError, RuntimeError) as error:
            raise IndexUnusableError(str(folder), first_line(error)) from error
        return cls(searcher, spec, leaves=leaves)

    @property
    def nbytes(self) -> int:
        """The size of the copy of the rows, the codes and the tree, in bytes; counted, as ScaNN does not tell."""
        rows, codes = 4 * self._dim, math.ceil(self._dim / self._width) / 2 if self._leaves else 0
        return int(self._searcher.size() * (rows + codes)) + 4 * self._dim * self._leaves

    @property
    def details(self) -> Mapping[str, str | int | float]:
        """The number of leaves; 0 where all rows are compared."""
        return {"num_leaves": self._leaves}

    def propose(
        self,
        queries: Vectors,
        count: int,
        *,
        allowed: npt.NDArray[np.bool_] | None,  # noqa: ARG002  # ScaNN has no filters
        parameters: Mapping[str, float],
    ) -> Positions:
        """Return what ScaNN finds."""
        effort = {}
        if self._leaves:
            reordered = max(count, math.ceil(count * parameters["reorder"] / parameters["oversample"]))
            effort = {
                "pre_reorder_num_neighbors": reordered,
                "leaves_to_search": min(int(parameters["leaves_to_search"]), self._leaves),
            }
        many = len(queries) >= _PARALLEL_FROM
        search = self._searcher.search_batched_parallel if many else self._searcher.search_batched
        found, scores = search(np.ascontiguousarray(queries), final_num_neighbors=count, **effort)
        # where there are not enough rows, ScaNN pads with row 0 at no number
        return np.where(np.isnan(scores), -1, found.astype(np.int64))

    def save(self, folder: Path) -> None:
        """Write the index as ScaNN does, without names, which it would pickle."""
        try:
            self._searcher.serialize(str(folder), relative_path=True)
        except RuntimeError as error:
            raise OSError(first_line(error)) from error
        (folder / _LEAVES).write_text(str(self._leaves), encoding="utf-8")


def _structure(options: Options, rows: int) -> tuple[int, int]:
    """Return the number of leaves and the dimensions of a block."""
    default = 0 if rows <= _ALL_COMPARED_UP_TO else round(math.sqrt(rows))
    return options.whole("num_leaves", default), options.whole("dimensions_per_block", 2)
