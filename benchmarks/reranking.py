"""What expansion and re-ranking bring: ``python -m benchmarks.reranking``."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np

import lookalike
from benchmarks.photos import beans, photos
from benchmarks.results import Column, Result, Table, Target, publish
from lookalike.evaluation.measures import average_precision, precision_at_k
from lookalike.search.options import EXPANSIONS, RERANKINGS, SearchOptions

_METHOD = """\
Beans: the gallery is the train split and the queries are the test split, with the embedded encoder; a hit is relevant
if it is of the query's class. Every gallery photo is ranked for each query by `Gallery.search_batch` with the options
of the row, so that a re-ranking covers the whole gallery. P@k is the share of relevant ones among the first k, averaged
over the queries; mAP the mean over queries of the mean, over all relevant photos, of the precision at their ranks."""


def main() -> None:
    """Rank in every way and compare."""
    queries = photos("test")
    labels = [path.parent.name for path in queries]
    ways: list[tuple[str | None, str | None]] = [(None, None), *((way, None) for way in EXPANSIONS)]
    ways += [(None, way) for way in RERANKINGS]
    ways += [("neighbours", "centred"), ("crops", "centred"), ("neighbours", "augmented"), ("crops", "augmented")]
    rows: list[list[Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        gallery = lookalike.open(folder)
        gallery.add(beans() / "train")
        for expand, rerank in ways:
            options = SearchOptions(expand=expand, rerank=rerank)
            answers = gallery.search_batch(queries, len(gallery), options)
            relevant = np.array(
                [
                    [hit.attributes["folder"] == label for hit in hits]
                    for hits, label in zip(answers, labels, strict=True)
                ]
            )
            measured = precision_at_k(relevant, 1), precision_at_k(relevant, 5), average_precision(relevant)
            rows.append([_name(expand, rerank), *(float(values.mean()) for values in measured)])
    columns = [Column("options"), *(Column(name, ".3f") for name in ("P@1", "P@5", "mAP"))]
    gain = {row[0]: row[3] - rows[0][3] for row in rows}
    what = "mAP gained by --rerank centred"
    target = Target(what, gain["--rerank centred"], 0.01, is_floor=True, format=".3f")
    publish(Result("reranking", "Expansion and re-ranking", _METHOD, [Table("Beans", columns, rows)], [target]))


def _name(expand: str | None, rerank: str | None) -> str:
    given = [f"--{name} {way}" for name, way in (("expand", expand), ("rerank", rerank)) if way]
    return " ".join(given) or "none"


if __name__ == "__main__":
    main()
