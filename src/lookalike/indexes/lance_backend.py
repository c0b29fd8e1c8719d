"""Lance's own vector index (https://lancedb.github.io/lance): inside the table, searched from disk.

For galleries larger than memory: neither the codes nor the embeddings have to fit in it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import IndexUnusableError, InputError, first_line
from lookalike.indexes.base import Footprint
from lookalike.indexes.lance_rows import LanceRows
from lookalike.metric import Metric
from lookalike.options import Options, Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.indexes.base import IndexSpec
    from lookalike.indexes.preparation import PreparedRows

NAME = "lookalike_vectors"
_METRICS = {Metric.COSINE: "cosine", Metric.INNER_PRODUCT: "dot", Metric.L2: "l2"}
_LEAST_ROWS = 256
_LISTED_ROWS = 50_000
"""Up to so many allowed rows are listed in a condition; among more, those found that are not allowed are dropped."""
_OVERASK = 2.0
_SAMPLE_PER_PARTITION, _SAMPLE_FOR_CODES = 256, 65_536
"""Rows that Lance learns partitions and product codes from."""
_BUFFERS = 128 << 20
"""Of reading and of sorting rows into partitions, as measured."""


class LanceBackend:
    """Proposes what Lance finds in the table that :class:`lookalike.indexes.lance_rows.LanceRows` reads.

    Options of a spec: ``kind``, which is ``rq`` (one bit a dimension, RaBitQ, arXiv:2405.12497) or ``pq`` (product
    quantization); ``partitions`` (about half the square root of the number of rows); and of searches too, ``nprobes``
    (partitions that are visited, 40) and ``refine`` (how many times k rows are compared in full, 5).

    Building adds the index to the table, as a new version of it; another build replaces it. Rows that the table gets
    later are searched by Lance one by one, and are no positions of this index.
    """

    is_raw = True
    can_filter = True

    def __init__(self, spec: IndexSpec) -> None:
        options = Options(spec.choice)
        options.refuse_arguments()
        self._kind = options.one_of("kind", ("rq", "pq"))
        self._partitions = options.whole("partitions", 0)
        self.parameters = {
            "nprobes": options.parameter("nprobes", Parameter(40)),
            "refine": options.parameter("refine", Parameter(5)),
        }
        options.refuse_others()
        self._spec = spec
        self._rows: LanceRows | None = None

    @classmethod
    def build(cls, rows: PreparedRows, spec: IndexSpec, *, seed: int) -> LanceBackend:  # noqa: ARG003  # Lance takes none
        """Add the index to the table."""
        backend = cls(spec)
        source = _as_table(rows.source)
        if len(source) < _LEAST_ROWS:
            msg = f"lance: an index needs at least {_LEAST_ROWS} rows, the table has {len(source)}; use the index exact"
            raise InputError(msg)
        options: dict[str, Any] = {"num_bits": 1}
        if backend._kind == "pq":
            options = {"num_sub_vectors": spec.dim // 2 if spec.dim % 2 == 0 else spec.dim}
        try:
            source.dataset = source.dataset.create_index(
                source.column,
                f"IVF_{backend._kind.upper()}",
                name=NAME,
                metric=_METRICS[spec.metric],
                replace=True,
                num_partitions=backend._partitions or _partitions_for(len(source)),
                **options,
            )
        except (ValueError, RuntimeError) as error:
            reason = first_line(error).partition(", /")[0]  # without the place in Lance's sources
            msg = f"Lance cannot build the index ({reason}); try other options, or the index exact"
            raise InputError(msg) from error
        backend.attach(rows.source)
        return backend

    @classmethod
    def check(cls, spec: IndexSpec) -> None:
        """Refuse options that no number of rows would make right."""
        cls(spec)

    @classmethod
    def footprint(cls, rows: int, spec: IndexSpec) -> Footprint:
        """Bound what :meth:`build` takes: it reads the table in parts, and learns from a sample for each partition."""
        backend = cls(spec)
        partitions = backend._partitions or _partitions_for(rows)
        row = 4 * spec.dim
        is_pq = backend._kind == "pq"
        sampled = min(rows, _SAMPLE_PER_PARTITION * partitions) + (min(rows, _SAMPLE_FOR_CODES) if is_pq else 0)
        code = spec.dim if is_pq else spec.dim // 8 + 1
        stored = rows * (code + 24) + (partitions + spec.dim) * row
        return Footprint(_BUFFERS + 3 * row * sampled, stored)

    @classmethod
    def load(cls, folder: Path, spec: IndexSpec) -> LanceBackend:  # noqa: ARG003  # everything is in the table
        """Make the backend; :meth:`attach` gives it the table."""
        return cls(spec)

    def attach(self, source: Vectors) -> None:
        """Search this table."""
        rows = _as_table(source)
        stored = _described(rows)
        found = None if stored is None else (stored.index_type, str(stored.details.get("metric_type", "")).lower())
        if found != (f"IVF_{self._kind.upper()}", _METRICS[self._spec.metric]):
            reason = f"the table has no vector index of {self._kind} and {self._spec.metric}"
            raise IndexUnusableError(str(rows.dataset.uri), reason)
        self._rows = rows

    @property
    def nbytes(self) -> int:
        """The size of the index in the table, in bytes."""
        stored = None if self._rows is None else _described(self._rows)
        return 0 if stored is None else int(stored.total_size_bytes or 0)

    @property
    def details(self) -> Mapping[str, str | int | float]:
        """The kind of the index."""
        return {"kind": f"IVF_{self._kind.upper()}"}

    def propose(
        self,
        queries: Vectors,
        count: int,
        *,
        allowed: npt.NDArray[np.bool_] | None,
        parameters: Mapping[str, float],
    ) -> Positions:
        """Return what Lance finds, one query after the other."""
        rows = self._table()
        condition = None
        if allowed is not None:
            eligible = int(allowed.sum())
            if eligible <= _LISTED_ROWS:
                condition = f"_rowid IN ({','.join(map(str, rows.row_ids[allowed]))})"
            else:
                count = math.ceil(_OVERASK * count * len(rows) / eligible)
        proposals = np.full((len(queries), count), -1, np.int64)
        for i, query in enumerate(queries):
            found = self._find(query, count, condition, parameters)
            proposals[i, : len(found)] = rows.positions_of(found)
        return proposals

    def save(self, folder: Path) -> None:
        """Write nothing: the table holds the index."""

    def _find(
        self, query: Vectors, count: int, condition: str | None, parameters: Mapping[str, float]
    ) -> npt.NDArray[np.uint64]:
        rows = self._table()
        nearest = {
            "column": rows.column,
            "q": query,
            "k": count,
            "metric": _METRICS[self._spec.metric],
            "nprobes": int(parameters["nprobes"]),
            "refine_factor": int(parameters["refine"]),
        }
        scanner = rows.dataset.scanner(
            columns=[],
            nearest=nearest,
            filter=condition,
            prefilter=condition is not None,
            with_row_id=True,
            disable_scoring_autoprojection=True,
        )
        found: npt.NDArray[np.uint64] = scanner.to_table()["_rowid"].to_numpy()
        return found[:count]

    def _table(self) -> LanceRows:
        if self._rows is None:
            msg = "this index is not attached to a table; open it with load_index(path, LanceRows(...))"
            raise InputError(msg)
        return self._rows


def _as_table(source: Any) -> LanceRows:
    if not isinstance(source, LanceRows):
        msg = "lance indexes embeddings in a Lance table, and these are an array; use another index, such as ivfpq"
        raise InputError(msg)
    return source


def _described(rows: LanceRows) -> Any:
    """Return what Lance says about the index, or None where there is none."""
    return next((index for index in rows.dataset.describe_indices() if index.name == NAME), None)


def _partitions_for(rows: int) -> int:
    return max(1, min(round(math.sqrt(rows) / 2), rows // _LEAST_ROWS))
