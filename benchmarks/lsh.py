"""What bits and tables cost and bring in locality-sensitive hashing: ``python -m benchmarks.lsh``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.mixtures import METHOD, mixture, photo_embeddings
from benchmarks.photos import photos
from benchmarks.results import Column, Curve, Plot, Result, Table, Target, publish
from lookalike.arrays import normalised
from lookalike.indexes.building import build_index

if TYPE_CHECKING:
    import numpy.typing as npt

    from lookalike.arrays import Vectors

_K, _QUERIES = 10, 500
_TABLES = (1, 4, 10, 20)
_OF_PHOTOS, _OF_MANY = (4, 8, 12, 16), (8, 12, 16, 20)
_PROBES = (0, 8)
_METHOD = f"""\
`candidates` is the share of all rows that are in the query's bucket in one of the tables, or in one of the further
buckets where `probes` is not 0: what is then compared exactly. First all Beans photos, embedded in 1280 dimensions, of
which every one asks for its ten nearest others by cosine; P@5 is the share of the query's own class among the first
five. Then {_QUERIES} rows of a larger gallery, each left out of its own answer. {METHOD}"""


def main() -> None:
    """Measure every pair of bits and tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="of the larger gallery")
    count = parser.parse_args().rows
    photo_rows = _of_photos()
    many_rows = _of_many(normalised(mixture(count)))
    found = {row[0]: row for row in photo_rows}
    centred, plain = (found[f"bits=16,tables=10,probes=0,center={center}"] for center in ("yes", "no"))
    judged = [Column("candidates", ".4f"), Column(f"recall@{_K}", ".3f")]
    tables = [
        Table("Beans", [Column("lsh"), *judged, Column("P@5", ".3f")], photo_rows),
        Table(f"{count:,} rows", [Column("lsh"), *judged], many_rows),
    ]
    what = "recall per candidate at 16 bits and 10 tables, centred to not"
    target = Target(what, (centred[2] / centred[1]) / (plain[2] / plain[1]), 1.0, is_floor=True)
    plots = [
        _plot("beans", "Beans: the points of a line are 1, 4, 10 and 20 tables", photo_rows, _OF_PHOTOS),
        _plot("many", f"{count:,} rows: the points of a line are 1, 4, 10 and 20 tables", many_rows, _OF_MANY),
    ]
    publish(Result("lsh", "Hashing: bits and tables", _METHOD, tables, [target], plots))


def _of_photos() -> list[list[Any]]:
    unit = normalised(photo_embeddings())
    labels = np.array([path.parent.name for path in photos()])
    queries = np.arange(len(unit))
    rows = [
        _measured(spec, unit, queries, labels)
        for center in ("yes", "no")
        for bits in _OF_PHOTOS
        for tables in _TABLES
        for spec in _specs(bits, tables, center)
    ]
    return [*rows, ["exact", 1.0, 1.0, _precision([np.delete(queries, row) for row in queries], unit, queries, labels)]]


def _of_many(unit: Vectors) -> list[list[Any]]:
    queries = np.random.default_rng(0).choice(len(unit), _QUERIES, replace=False)
    return [
        _measured(spec, unit, queries, None)
        for bits in _OF_MANY
        for tables in _TABLES
        for spec in _specs(bits, tables, "yes")
    ]


def _specs(bits: int, tables: int, center: str) -> list[str]:
    probed = _PROBES if center == "yes" else _PROBES[:1]
    return [f"bits={bits},tables={tables},probes={min(probes, bits)},center={center}" for probes in probed]


def _measured(
    options: str, unit: Vectors, queries: npt.NDArray[np.int64], labels: npt.NDArray[Any] | None
) -> list[Any]:
    index: Any = build_index(f"lsh:{options}", unit)
    # what the tables propose alone: the index itself completes what comes short of k
    proposed = []
    for row in queries:
        (found,) = index.backend.propose(unit[row : row + 1], _K, allowed=None, parameters=index.parameters)
        proposed.append(np.unique(found[(found >= 0) & (found != row)]))
    hits = sum(
        len(np.intersect1d(candidates, true))
        for candidates, true in zip(proposed, _nearest(unit, queries), strict=True)
    )
    share = float(np.mean([len(candidates) for candidates in proposed])) / len(unit)
    judged = [options, share, hits / (_K * len(queries))]
    return judged if labels is None else [*judged, _precision(proposed, unit, queries, labels)]


def _nearest(unit: Vectors, queries: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    scores = unit[queries] @ unit.T
    scores[np.arange(len(queries)), queries] = -np.inf
    nearest: npt.NDArray[np.int64] = np.argpartition(-scores, _K, axis=1)[:, :_K]
    return nearest


def _precision(
    candidates: list[npt.NDArray[np.int64]],
    unit: Vectors,
    queries: npt.NDArray[np.int64],
    labels: npt.NDArray[Any],
) -> float:
    right = []
    for row, proposed in zip(queries, candidates, strict=True):
        ranked = proposed[np.argsort(-(unit[proposed] @ unit[row]), kind="stable")]
        right.append(np.mean(labels[ranked[:5]] == labels[row]) if len(ranked) else 0.0)
    return float(np.mean(right))


def _plot(name: str, title: str, rows: list[list[Any]], of_bits: tuple[int, ...]) -> Plot:
    found = {row[0]: row for row in rows}
    curves = []
    for bits in of_bits:
        for probes in dict.fromkeys(min(probes, bits) for probes in _PROBES):
            points = [found[f"bits={bits},tables={tables},probes={probes},center=yes"] for tables in _TABLES]
            label = f"{bits} bits" + (f", {probes} probes" if probes else "")
            curves.append(Curve(label, [point[1] for point in points], [point[2] for point in points]))
    return Plot(name, title, "share of rows that are candidates", f"recall@{_K}", curves, "x")


if __name__ == "__main__":
    main()
