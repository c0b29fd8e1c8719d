"""What bits and tables cost and bring in locality-sensitive hashing: ``python -m benchmarks.lsh``."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.mixtures import photo_embeddings
from benchmarks.photos import photos
from benchmarks.results import Column, Result, Table, Target, publish
from lookalike.indexes.building import build_index

_BITS, _TABLES = (4, 8, 12, 16), (1, 4, 10, 20)
_K = 10
_METHOD = """\
All Beans photos, embedded in 1280 dimensions, of which every one asks for its ten nearest others by cosine.
`candidates` is the share of all rows that are in the query's bucket in one of the tables: what is then compared
exactly. P@5 is the share of the query's own class among the first five. `probes` is 0: no other buckets are looked
into. The last row is exact search."""


def main() -> None:
    """Measure every pair of bits and tables, centred and not."""
    embeddings = photo_embeddings()
    labels = np.array([path.parent.name for path in photos()])
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    scores = unit @ unit.T
    np.fill_diagonal(scores, -np.inf)
    rows = [
        _measured(f"lsh:bits={bits},tables={tables},probes=0,center={center}", unit, scores, labels)
        for center in ("yes", "no")
        for bits in _BITS
        for tables in _TABLES
    ]
    everything = [np.delete(np.arange(len(unit)), row) for row in range(len(unit))]
    rows.append(["exact", *_judged(everything, scores, labels)])
    found = {row[0]: row for row in rows}
    centred, plain = (found[f"lsh:bits=16,tables=10,probes=0,center={center}"] for center in ("yes", "no"))
    columns = [Column("index"), Column("candidates", ".3f"), Column(f"recall@{_K}", ".3f"), Column("P@5", ".3f")]
    what = "recall per candidate at 16 bits and 10 tables, centred to not"
    target = Target(what, (centred[2] / centred[1]) / (plain[2] / plain[1]), 1.0, is_floor=True)
    publish(Result("lsh", "Hashing: bits and tables", _METHOD, [Table("Bits and tables", columns, rows)], [target]))


def _measured(spec: str, unit: Any, scores: Any, labels: Any) -> list[Any]:
    index: Any = build_index(spec, unit)
    # what the tables propose alone: the index itself completes what comes short of k
    proposed = [
        index.backend.propose(unit[row : row + 1], _K, allowed=None, parameters={"probes": 0})[0]
        for row in range(len(unit))
    ]
    return [spec, *_judged([np.unique(p[(p >= 0) & (p != row)]) for row, p in enumerate(proposed)], scores, labels)]


def _judged(candidates: list[Any], scores: Any, labels: Any) -> list[float]:
    """Return the share of rows that are candidates, recall, and P@5."""
    hits, right = 0, []
    for row, proposed in enumerate(candidates):
        ranked = proposed[np.argsort(-scores[row, proposed], kind="stable")]
        true = np.argsort(-scores[row], kind="stable")[:_K]
        hits += len(np.intersect1d(ranked[:_K], true))
        right.append(np.mean(labels[ranked[:5]] == labels[row]) if len(ranked) else 0.0)
    share = np.mean([len(proposed) for proposed in candidates]) / len(labels)
    return [float(share), hits / (_K * len(labels)), float(np.mean(right))]


if __name__ == "__main__":
    main()
