"""Milvus (https://milvus.io): the vectors are on a server, which several machines ask, and which may be many machines.

The server is a copy: rows, scores and filters are the gallery's own. Nothing is written to a collection after it was
built, so readers need not wait for the newest of it.
"""

from __future__ import annotations

import json
import math
import time
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from pymilvus import DataType, MilvusClient

from lookalike.errors import IndexUnusableError, InputError, RemoteError
from lookalike.indexes.base import Footprint
from lookalike.indexes.milvus_server import KEPT, UNCLAIMED, MilvusServer, asking, is_due, is_name, new_name
from lookalike.metric import Metric
from lookalike.options import Options, Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from lookalike.arrays import Positions, Vectors
    from lookalike.indexes.base import IndexSpec
    from lookalike.indexes.preparation import PreparedRows

_FILE = "collection.json"
_POSITION, _VECTOR = "position", "vector"
_KINDS = ("hnsw", "ivf_flat", "ivf_sq8")
_MOST_FOUND = 16_384
"""Neighbours of a query that Milvus gives at most, and queries that it takes at once."""
_FOUND_AT_ONCE = 1_000_000
_MOST_LISTS, _WIDEST = 65_536, 32_768
_LISTED_ROWS = 50_000
"""Up to so many positions stand in a condition; where more would, rows that are not allowed are found and dropped."""
_OVERASK = 2.0
_INDEXED_FROM = 1_024
"""Rows of a segment from which the server indexes it; fewer are compared one by one, on its disk or not."""
_BYTES_AT_ONCE = 4 << 20
_BUFFERS = 48 << 20
"""Of the client's library, and of messages on their way."""
_SEARCHING, _WRITING, _INDEXING = 10.0, 120.0, 7_200.0
"""Seconds until an answer is not waited for any more."""
_PAUSE = 10.0
"""Seconds without a question to a server that failed: each search would wait for it."""


class MilvusBackend:
    """Proposes what a Milvus server finds in a collection of its own.

    Options of a spec, by Milvus's own names: ``kind``, which is ``hnsw``, ``ivf_flat`` or ``ivf_sq8``; of graphs ``M``
    (32) and ``efConstruction`` (200), of lists ``nlist`` (four times the square root of the number of rows). And of
    searches too: ``ef`` (the breadth in a graph, 64) or ``nprobe`` (lists of a segment that are visited, a sixteenth),
    and ``oversample`` (how many times k rows are scored exactly).

    A server that is away when a search comes proposes nothing, so that the search is exact. A collection that was not
    saved goes with the index.
    """

    can_filter = True

    def __init__(self, spec: IndexSpec, *, rows: int) -> None:
        options = Options(spec.choice)
        options.refuse_arguments()
        self._kind = options.one_of("kind", _KINDS)
        if self._kind == "hnsw":
            self._built_with = {
                "M": options.whole("M", 32, at_least=4, at_most=64),
                "efConstruction": options.whole("efConstruction", 200, at_least=8, at_most=512),
            }
            known = {"ef": Parameter(64)}
        else:
            lists = options.whole("nlist", _lists_for(rows), at_most=_MOST_LISTS)
            self._built_with = {"nlist": lists}
            known = {"nprobe": Parameter(max(8, lists // 16))}
        known["oversample"] = Parameter(2 if spec.projection or self._kind == "ivf_sq8" else 1, is_whole=False)
        self.parameters = {name: options.parameter(name, parameter) for name, parameter in known.items()}
        options.refuse_others()
        self._rows, self._dim = rows, spec.dim
        self._name = new_name()
        self._server: MilvusServer | None = None
        self._unsaved: Any = None
        self._asked_again_at = -math.inf

    @classmethod
    def build(cls, rows: PreparedRows, spec: IndexSpec, *, seed: int) -> MilvusBackend:  # noqa: ARG003  # it takes none
        """Send the rows chunk by chunk, and wait until the server has indexed and loaded them."""
        backend = cls(spec, rows=len(rows))
        server = backend._server = MilvusServer.connect()
        # also where this fails, and when the process ends
        backend._unsaved = weakref.finalize(backend, _forget, server, backend._name)
        try:
            with asking(server.address):
                backend._fill(server.client, rows, "L2" if spec.metric is Metric.L2 else "IP")
        except BaseException:
            backend._unsaved()
            raise
        return backend

    @classmethod
    def check(cls, spec: IndexSpec) -> None:
        """Refuse options that no number of rows would make right, and a server that is away."""
        cls(spec, rows=0)
        MilvusServer.connect()

    @classmethod
    def footprint(cls, rows: int, spec: IndexSpec) -> Footprint:
        """Bound what :meth:`build` takes here; what the server takes is :attr:`nbytes`."""
        cls(spec, rows=rows)
        return Footprint(_BUFFERS, 1 << 12)

    @classmethod
    def load(cls, folder: Path, spec: IndexSpec) -> MilvusBackend:
        """Find the collection that :meth:`save` named."""
        try:
            about = json.loads((folder / _FILE).read_text(encoding="utf-8"))
            name, rows = about["collection"], int(about["rows"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexUnusableError(str(folder), f"its {_FILE} is damaged: {error}") from error
        if not is_name(name):
            raise IndexUnusableError(str(folder), f"its {_FILE} names no collection of lookalike")
        try:
            server = MilvusServer.connect()
            with asking(server.address):
                held = _rows_held(server.client, name, rows)
        except (InputError, RemoteError) as error:
            raise IndexUnusableError(str(folder), str(error)) from error
        if held != rows:
            what = "there is no collection" if held is None else f"there are {held} rows, not {rows}, in the collection"
            raise IndexUnusableError(str(folder), f"{server.address}: {what} {name}")
        backend = cls(spec, rows=rows)
        backend._server, backend._name = server, name
        return backend

    @classmethod
    def drop_unused(cls, owner: str, folder: Path) -> bool:
        """Drop the collections of an owner that no index below a folder refers to; say whether there may be others.

        Some minutes have to pass since one was made. A server that is away, or is not named any more, changes nothing.
        """
        if not is_due(owner):
            return True
        used = {name for name in map(_named_in, folder.rglob(_FILE)) if name is not None}
        try:
            return MilvusServer.connect().drop_unused(owner, used) > 0
        except (InputError, RemoteError):
            return True

    @property
    def nbytes(self) -> int:
        """The size on the server, in bytes; counted, as Milvus does not tell."""
        of_vector = self._dim if self._kind == "ivf_sq8" else 4 * self._dim
        of_graph = 4 * 2 * self._built_with.get("M", 0)
        return self._rows * (of_vector + of_graph + 8) + 4 * self._dim * self._built_with.get("nlist", 0)

    @property
    def details(self) -> Mapping[str, str | int | float]:
        """The kind of the index, and what it was built with."""
        return {"kind": self._kind, **self._built_with}

    def propose(
        self,
        queries: Vectors,
        count: int,
        *,
        allowed: npt.NDArray[np.bool_] | None,
        parameters: Mapping[str, float],
    ) -> Positions:
        """Return what Milvus finds; nothing where it is away."""
        condition = None
        if allowed is not None:
            condition = _condition(allowed)
            if condition is None:
                count = math.ceil(_OVERASK * count * len(allowed) / max(1, int(allowed.sum())))
        count = min(count, _MOST_FOUND)
        proposals = np.full((len(queries), count), -1, np.int64)
        if self._server is None or time.monotonic() < self._asked_again_at:
            return proposals
        step = min(_MOST_FOUND, max(1, _FOUND_AT_ONCE // count))
        try:
            for start in range(0, len(queries), step):
                found = self._find(self._server, queries[start : start + step], count, condition, parameters)
                for i, positions in enumerate(found, start):
                    proposals[i, : len(positions)] = positions
        except RemoteError:
            self._asked_again_at = time.monotonic() + _PAUSE
            proposals[:] = -1
        return np.where(proposals < self._rows, proposals, -1)

    def claim(self, owner: str) -> None:
        """Say whose the collection is, before it is saved.

        Parameters
        ----------
        owner : letters and digits.

        Raises
        ------
        RemoteError : if the server is away.
        """
        if self._server is None or f"_{UNCLAIMED}_" not in self._name:
            return
        name = new_name(owner)
        with asking(self._server.address):
            self._server.client.rename_collection(self._name, name, timeout=_WRITING)
        self._name = name
        if self._unsaved is not None:
            self._unsaved.detach()
            self._unsaved = weakref.finalize(self, _forget, self._server, name)

    def save(self, folder: Path) -> None:
        """Write which collection it is, and leave that to who saved it."""
        self.claim(KEPT)
        (folder / _FILE).write_text(json.dumps({"collection": self._name, "rows": self._rows}), encoding="utf-8")
        if self._unsaved is not None:
            self._unsaved.detach()
            self._unsaved = None

    def _fill(self, client: Any, rows: PreparedRows, metric: str) -> None:
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field(_POSITION, DataType.INT64, is_primary=True)
        schema.add_field(_VECTOR, DataType.FLOAT_VECTOR, dim=rows.dim)
        client.create_collection(self._name, schema=schema, consistency_level="Strong", timeout=_WRITING)
        step = max(1, _BYTES_AT_ONCE // (4 * rows.dim))
        sent = 0
        for chunk in rows.chunks():
            for start in range(0, len(chunk), step):
                part = chunk[start : start + step]
                entities = [{_POSITION: sent + i, _VECTOR: row} for i, row in enumerate(part)]
                client.insert(self._name, entities, timeout=_WRITING)
                sent += len(part)
            del chunk  # before the next is made
        index = client.prepare_index_params()
        kind = self._kind.upper()
        index.add_index(_VECTOR, index_type=kind, index_name=_VECTOR, metric_type=metric, params=self._built_with)
        if sent >= _INDEXED_FROM:
            client.flush(self._name, timeout=_INDEXING)  # only what is on the server's disk is indexed
        client.create_index(self._name, index, timeout=_INDEXING)
        client.load_collection(self._name, timeout=_INDEXING)
        held = _count(client, self._name)
        if held != sent:
            msg = f"the Milvus server holds {held} of {sent} rows that it was sent; build the index again"
            raise RemoteError(self._name, msg)

    def _find(
        self, server: MilvusServer, queries: Vectors, count: int, condition: str | None, parameters: Mapping[str, float]
    ) -> list[list[int]]:
        if self._kind == "hnsw":
            effort = {"ef": max(count, min(int(parameters["ef"]), _WIDEST))}  # it must not be below what is asked for
        else:
            effort = {"nprobe": min(int(parameters["nprobe"]), self._built_with["nlist"])}
        with asking(server.address):
            found = server.client.search(
                self._name,
                data=list(np.ascontiguousarray(queries)),
                anns_field=_VECTOR,
                filter=condition or "",
                limit=count,
                search_params={"params": effort},
                consistency_level="Eventually",  # nothing is written any more, and the others wait a fifth of a second
                timeout=_SEARCHING,
            )
        return [[hit["id"] for hit in hits] for hits in found]


def _named_in(path: Path) -> str | None:
    """Return the collection that a file names; None for a damaged file, whose index is not used either."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["collection"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _condition(allowed: npt.NDArray[np.bool_]) -> str | None:
    """Return a condition that the allowed rows keep, or None where it would be too long."""
    eligible = int(allowed.sum())
    is_short = eligible <= len(allowed) - eligible
    listed = np.flatnonzero(allowed if is_short else ~allowed)
    if len(listed) > _LISTED_ROWS:
        return None
    return f"{_POSITION} {'in' if is_short else 'not in'} [{','.join(map(str, listed.tolist()))}]"


def _lists_for(rows: int) -> int:
    return max(1, min(round(4 * math.sqrt(rows)), _MOST_LISTS))


def _count(client: Any, name: str) -> int:
    found = client.query(name, filter="", output_fields=["count(*)"], consistency_level="Strong", timeout=_WRITING)
    return int(found[0]["count(*)"])


def _rows_held(client: Any, name: str, rows: int) -> int | None:
    """Return how many rows a collection has, after it is loaded; None where there is no such collection.

    Parameters
    ----------
    rows : how many it should have; so few that they were never indexed have to be counted, the others are known.
    """
    if not client.has_collection(name, timeout=_SEARCHING):
        return None
    if str(client.get_load_state(name, timeout=_SEARCHING)["state"]) != "Loaded":
        client.load_collection(name, timeout=_WRITING)
    if rows < _INDEXED_FROM:
        return _count(client, name)
    return int(client.get_collection_stats(name, timeout=_SEARCHING)["row_count"])


def _forget(server: MilvusServer, name: str) -> None:
    """Drop a collection that nobody will ask for; where the server is away, a later build finds it abandoned."""
    try:
        server.drop(name)
    except RemoteError:
        return
