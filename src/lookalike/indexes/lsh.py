"""Locality-sensitive hashing by random hyperplanes.

Charikar (https://doi.org/10.1145/509907.509965): two vectors lie on the same side of a random hyperplane with a
probability that falls with their angle. The sides of a few hyperplanes are a code; rows that share a query's code in
any of several tables, whose hyperplanes are drawn independently, are its candidates.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.errors import IndexUnusableError, InputError
from lookalike.indexes.base import Footprint
from lookalike.indexes.files import read_array
from lookalike.indexes.lsh_tables import Table, codes_of, gather, most_probes, probed_codes
from lookalike.options import Options, Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.indexes.base import IndexSpec
    from lookalike.indexes.preparation import PreparedRows

_MOST_BITS = 62
_TABLES = 16
_PROBES = 8
_ROWS_PER_BUCKET = 64
_LEAST_BITS = 8
_QUERIES = 32
_NUMBERS = 1 << 18
"""How many distances from hyperplanes, or differences from the centre, are held at once (2 MB)."""
_PLANES, _CENTRE, _CODES, _STARTS, _ORDER, _DISTINCT = (
    f"{name}.npy" for name in ("planes", "centre", "codes", "starts", "order", "distinct")
)


class LshBackend:
    """Proposes the rows that share a bucket with the query.

    Options of a spec:

    - ``bits``: hyperplanes a table, at most 62; where it is not given, as many as make a bucket of about 64 rows;
    - ``tables``: independent tables (16);
    - ``probes``: of searches too: further buckets a table, those whose code differs where the query is nearest to the
      hyperplanes (0, and 8 where ``bits`` is not given);
    - ``rank``: which candidates are kept: ``score``, all of them, for their true scores; or ``collisions``, the k in
      most buckets, lower positions first among equals, so that few rows are read;
    - ``center``: ``yes`` hashes the sides after the mean of all rows is subtracted, since embeddings often lie on one
      side of the origin, where most hyperplanes tell nothing apart; ``no`` does not.

    ``lsh:bits=8,tables=10,center=no`` is the textbook algorithm.
    """

    can_filter = True

    def __init__(
        self, spec: IndexSpec, *, planes: npt.NDArray[np.float32], centre: npt.NDArray[np.float64], tables: list[Table]
    ) -> None:
        options = Options(spec.choice)
        options.refuse_arguments()
        self.parameters = {"probes": _probes(options)}
        self._keeps_all = options.one_of("rank", ("score", "collisions")) == "score"
        self.planes = planes
        self.centre = centre
        self._tables = tables

    @classmethod
    def build(cls, rows: PreparedRows, spec: IndexSpec, *, seed: int) -> LshBackend:
        """Draw the hyperplanes and hash all rows."""
        options = Options(spec.choice)
        bits = options.whole("bits", _bits_for(len(rows)), at_most=_MOST_BITS)
        tables = options.whole("tables", _TABLES)
        is_centred = options.one_of("center", ("yes", "no")) == "yes"
        options.one_of("rank", ("score", "collisions"))
        _probes(options)
        options.refuse_others()
        planes = np.random.default_rng(seed).standard_normal((tables, bits, rows.dim), dtype=np.float32)
        centre = _mean(rows) if is_centred else np.zeros(rows.dim)
        backend = cls(spec, planes=planes, centre=centre, tables=[])
        codes = np.empty((tables, len(rows)), np.uint64)
        start = 0
        for chunk in rows.chunks():
            codes[:, start : start + len(chunk)] = backend._codes(chunk).T
            start += len(chunk)
            del chunk  # before the next is made
        backend._tables = [Table.of(of_table) for of_table in codes]
        return backend

    @classmethod
    def footprint(cls, rows: int, spec: IndexSpec) -> Footprint:
        """Bound what :meth:`build` takes: the codes of all rows, and the tables that are made of them one by one."""
        options = Options(spec.choice)
        bits = options.whole("bits", _bits_for(rows), at_most=_MOST_BITS)
        tables = options.whole("tables", _TABLES)
        planes = 4 * tables * bits * spec.dim
        stored = planes + 8 * spec.dim + tables * (4 * rows + 16 * min(rows, 1 << bits) + 8)
        hashing = 2 * planes + 32 * _NUMBERS
        return Footprint(stored + hashing + 8 * tables * rows + 40 * rows, stored)

    @classmethod
    def load(cls, folder: Path, spec: IndexSpec) -> LshBackend:
        """Map the tables that :meth:`save` wrote."""
        planes, centre, distinct = (read_array(folder, name) for name in (_PLANES, _CENTRE, _DISTINCT))
        codes, starts, order = (read_array(folder, name, mapped=True) for name in (_CODES, _STARTS, _ORDER))
        ends = np.cumsum(distinct)
        fits = planes.ndim == 3 and order.ndim == 2 and len(planes) == len(order) == len(distinct)
        if not fits or len(codes) != ends[-1] or len(starts) != ends[-1] + len(planes):
            raise IndexUnusableError(str(folder), "the tables do not fit together")
        tables = [
            Table(codes[end - count : end], starts[end - count + i : end + i + 1], order[i])
            for i, (count, end) in enumerate(zip(distinct, ends, strict=True))
        ]
        return cls(spec, planes=planes, centre=centre, tables=tables)

    @property
    def nbytes(self) -> int:
        """The size of the hyperplanes and the tables, in bytes."""
        parts = [part for table in self._tables for part in (table.codes, table.starts, table.order)]
        return int(self.planes.nbytes + self.centre.nbytes + sum(part.nbytes for part in parts))

    @property
    def details(self) -> Mapping[str, str | int | float]:
        """The numbers of bits and tables."""
        return {"bits": int(self.planes.shape[1]), "tables": len(self.planes)}

    def hash(self, vectors: Vectors) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.float64]]:
        """Return the codes of prepared vectors in all tables, and their distances from the hyperplanes.

        Returns
        -------
        Shapes (n, tables), uint64, bit i for the side of hyperplane i, and (n, tables, bits), float64.
        """
        tables, bits, dim = self.planes.shape
        # double precision, so that a vector has the same code whatever batch it comes in
        sides = (vectors - self.centre) @ self.planes.reshape(-1, dim).T.astype(np.float64)
        sides = sides.reshape(len(vectors), tables, bits)
        return codes_of(sides > 0), np.abs(sides)

    def propose(
        self,
        queries: Vectors,
        count: int,
        *,
        allowed: npt.NDArray[np.bool_] | None,
        parameters: Mapping[str, float],
    ) -> Positions:
        """Return the rows that share a bucket; all of them, or the ``count`` in most buckets."""
        probes = int(parameters["probes"])
        if probes > most_probes(self.planes.shape[1]):
            msg = f"probes must be at most {most_probes(self.planes.shape[1])} here, got {probes}"
            raise InputError(msg)
        found: list[Positions] = []
        for start in range(0, len(queries), _QUERIES):
            found.extend(self._candidates(queries[start : start + _QUERIES], probes, allowed, count))
        proposals = np.full((len(queries), max(map(len, found), default=0)), -1, np.int64)
        for i, candidates in enumerate(found):
            proposals[i, : len(candidates)] = candidates
        return proposals

    def insert(self, rows: Vectors) -> None:
        """Append prepared rows to every table; hyperplanes and centre stay."""
        codes = self._codes(rows)
        self._tables = [table.with_more(codes[:, i]) for i, table in enumerate(self._tables)]

    def save(self, folder: Path) -> None:
        """Write the hyperplanes and the tables."""
        arrays: dict[str, npt.NDArray[Any]] = {
            _PLANES: self.planes,
            _CENTRE: self.centre,
            _DISTINCT: np.array([len(table.codes) for table in self._tables]),
            _CODES: np.concatenate([table.codes for table in self._tables]),
            _STARTS: np.concatenate([table.starts for table in self._tables]),
            _ORDER: np.stack([table.order for table in self._tables]),
        }
        for name, array in arrays.items():
            np.save(folder / name, array)

    def _codes(self, rows: Vectors) -> npt.NDArray[np.uint64]:
        """Return the codes of many rows in all tables; shape (n, tables)."""
        step = _rows_per_hash(self.planes.shape)
        parts = [self.hash(rows[start : start + step])[0] for start in range(0, len(rows), step)]
        return np.concatenate([np.empty((0, len(self.planes)), np.uint64), *parts])

    def _candidates(
        self, queries: Vectors, probes: int, allowed: npt.NDArray[np.bool_] | None, count: int
    ) -> list[Positions]:
        """Return the candidates of each query."""
        codes, margins = self.hash(queries)
        probed = probed_codes(codes, margins, probes)
        n = len(self._tables[0].order)
        keys = []
        for i, table in enumerate(self._tables):
            starts, ends = table.buckets(probed[:, i].reshape(-1))
            rows, bucket = gather(table.order, starts, ends)
            if allowed is not None:
                is_allowed = allowed[rows]
                rows, bucket = rows[is_allowed], bucket[is_allowed]
            keys.append((bucket // (1 + probes)) * n + rows)
        pairs, collisions = np.unique(np.concatenate(keys), return_counts=True)
        query, rows = np.divmod(pairs, max(n, 1))
        if not self._keeps_all:
            best = np.lexsort((rows, -collisions, query))
            query, rows = query[best], rows[best]
            is_kept = np.arange(len(query)) - np.searchsorted(query, query) < count
            query, rows = query[is_kept], rows[is_kept]
        return np.split(rows, np.searchsorted(query, np.arange(1, len(queries))))


def _rows_per_hash(shape: tuple[int, ...]) -> int:
    """Return how many rows are hashed at once, for hyperplanes of the shape (tables, bits, dim)."""
    tables, bits, dim = shape
    return max(1, _NUMBERS // max(tables * bits, dim))


def _bits_for(rows: int) -> int:
    return max(_LEAST_BITS, min(_MOST_BITS, round(math.log2(max(rows, 1) / _ROWS_PER_BUCKET))))


def _probes(options: Options) -> Parameter:
    return options.parameter("probes", Parameter(0 if "bits" in options.given else _PROBES, at_least=0))


def _mean(rows: PreparedRows) -> npt.NDArray[np.float64]:
    total = np.zeros(rows.dim)
    for chunk in rows.chunks():
        total += chunk.sum(axis=0, dtype=np.float64)
    return total / max(len(rows), 1)
