"""How good the ranking of the embedded encoder is: ``python -m benchmarks.quality``.

The measures are written out here in plain NumPy, so that they do not rest on what they measure.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

import lookalike
from benchmarks.photos import beans, photos
from benchmarks.precisions import encoders_at_hand
from benchmarks.results import Column, Result, Table, Target, publish

if TYPE_CHECKING:
    import numpy.typing as npt

    Relevance = npt.NDArray[np.bool_]

_K = 10
_METHOD = """\
Beans: 3 classes of bean leaves. The gallery is the train split and the queries are the test split; a hit is relevant if
it is of the query's class. Every gallery photo is ranked for each query by `Gallery.search_batch`. P@k is the share of
relevant ones among the first k, averaged over the queries; mAP the mean over queries of the mean, over all relevant
photos, of the precision at their ranks. The last row divides bf16 by f32; top-10 overlap is the share of equal ids."""


def main() -> None:
    """Rank in both precisions and compare."""
    queries = photos("test")
    labels = [path.parent.name for path in queries]
    measured: dict[str, list[float]] = {}
    first: dict[str, list[set[str]]] = {}
    for precision, encoder in encoders_at_hand().items():
        with tempfile.TemporaryDirectory() as folder:
            gallery = lookalike.open(folder, encoder=encoder)
            gallery.add(beans() / "train")
            answers = gallery.search_batch(queries, k=len(gallery))
        measured[precision] = _measures(_relevance(answers, labels))
        first[precision] = [{hit.id for hit in list(hits)[:_K]} for hits in answers]
    publish(_result(measured, first))


def _relevance(answers: list[Any], labels: list[str]) -> Relevance:
    """Return which hits are of the query's class; shape (queries, gallery), in the order of ranks."""
    return np.array(
        [
            [hit.attributes["folder"] == label for hit in sorted(hits, key=lambda hit: hit.rank)]
            for hits, label in zip(answers, labels, strict=True)
        ]
    )


def _measures(relevant: Relevance) -> list[float]:
    """Return P@1, P@5 and mAP of rankings of the whole gallery."""
    ranks = np.arange(1, relevant.shape[1] + 1)
    precision_at_rank = np.cumsum(relevant, axis=1) / ranks
    average_precision = [row[hits].mean() for row, hits in zip(precision_at_rank, relevant, strict=True)]
    return [float(relevant[:, 0].mean()), float(relevant[:, :5].mean()), float(np.mean(average_precision))]


def _result(measured: dict[str, list[float]], first: dict[str, list[set[str]]]) -> Result:
    rows: list[list[Any]] = [[name, *values, None] for name, values in measured.items()]
    if len(measured) == 2:
        pairs = zip(first["f32"], first["bf16"], strict=True)
        overlap = float(np.mean([len(left & right) / _K for left, right in pairs]))
        ratios = [new / old for new, old in zip(measured["bf16"], measured["f32"], strict=True)]
        rows.append(["bf16 / f32", *ratios, overlap])
    columns = [Column("precision"), *(Column(name, ".3f") for name in ("P@1", "P@5", "mAP", "top-10 overlap"))]
    targets = [
        Target(f"P@5 in {name}", values[1], 0.80, is_floor=True, format=".3f") for name, values in measured.items()
    ]
    return Result("quality", "Ranking quality", _METHOD, [Table("Beans, train as gallery", columns, rows)], targets)


if __name__ == "__main__":
    main()
