"""How good the ranking of the embedded encoder is: ``python -m benchmarks.quality``.

The measures are written out here in plain NumPy, so that they do not rest on what they measure.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
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
photos, of the precision at their ranks. int8 is calibrated as `lookalike index --precision int8` does, on photos of
the train split. The agreement with f32 is that of the queries: the cosines of their embeddings in the two precisions,
and the share of ids that are among the first ten in both. The last rows divide by f32."""


def main() -> None:
    """Rank in every precision and compare."""
    queries = photos("test")
    labels = [path.parent.name for path in queries]
    measured: dict[str, list[float]] = {}
    agreement: dict[str, list[float | None]] = {}
    reference: _Answers | None = None
    for precision, encoder in encoders_at_hand().items():
        with tempfile.TemporaryDirectory() as folder:
            gallery = lookalike.open(folder, encoder=encoder)
            gallery.add(beans() / "train")
            answers = gallery.search_batch(queries, k=len(gallery))
            embeddings = np.stack([gallery.embed(query) for query in queries])
        measured[precision] = measures_of(answers, labels)
        found = _Answers(embeddings, [{hit.id for hit in list(hits)[:_K]} for hits in answers])
        agreement[precision] = _agreement(found, reference) if reference else [None] * 3
        reference = reference or found
    publish(_result(measured, agreement))


@dataclass(frozen=True)
class _Answers:
    embeddings: npt.NDArray[np.float32]
    """Of the queries; shape (queries, dim)."""
    first: list[set[str]]
    """The ids of the first ten hits of each."""


def measures_of(answers: list[Any], labels: list[str]) -> list[float]:
    """Return P@1, P@5 and mAP of answers that rank the whole gallery, for queries of these classes."""
    return _measures(_relevance(answers, labels))


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


def _agreement(found: _Answers, reference: _Answers) -> list[float]:
    """Return the mean and the least cosine, and the overlap of the first hits."""
    new, old = found.embeddings.astype(np.float64), reference.embeddings.astype(np.float64)
    cosines = (new * old).sum(axis=1) / np.linalg.norm(new, axis=1) / np.linalg.norm(old, axis=1)
    overlap = [len(left & right) / _K for left, right in zip(found.first, reference.first, strict=True)]
    return [float(cosines.mean()), float(cosines.min()), float(np.mean(overlap))]


def _result(measured: dict[str, list[float]], agreement: dict[str, list[float | None]]) -> Result:
    rows: list[list[Any]] = [[name, *values, *agreement[name]] for name, values in measured.items()]
    for name in list(measured)[1:]:
        ratios = [new / old for new, old in zip(measured[name], measured["f32"], strict=True)]
        rows.append([f"{name} / f32", *ratios, None, None, None])
    names = ("P@1", "P@5", "mAP", "mean cosine", "least cosine", "top-10 overlap")
    columns = [Column("precision"), *(Column(name, ".3f") for name in names)]
    targets = [
        Target(f"P@5 in {name}", values[1], 0.80, is_floor=True, format=".3f") for name, values in measured.items()
    ]
    return Result("quality", "Ranking quality", _METHOD, [Table("Beans, train as gallery", columns, rows)], targets)


if __name__ == "__main__":
    main()
