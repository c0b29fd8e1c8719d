"""An evaluation as a page, and the sentences that explain it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.api.evaluation import COPIES
from lookalike.evaluation.scorecard import AVERAGE_PRECISION, PRECISION, RECALL, RECIPROCAL_RANK
from lookalike.exports.report_page import Bounded, Illustrations, Matrix, Report, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lookalike.api.evaluation import Evaluation
    from lookalike.api.evaluation_examples import Example
    from lookalike.evaluation.scorecard import Estimate, Measure
    from lookalike.exports.report_page import Cell, Part

MOST_IN_MATRIX = 30
_MOST_CONFUSED = 30
_OF_LABELS = (PRECISION, AVERAGE_PRECISION, RECIPROCAL_RANK)
_OF_COPIES = (RECALL, RECIPROCAL_RANK)
_INTERVALS = "Beside each mean, the bounds of 95% of such means if as many other queries of the same kind were asked."


def telling(evaluation: Evaluation) -> list[Measure]:
    """Return the measures that tell most: of labels precision, mAP and MRR, of copies recall and MRR."""
    names = _OF_COPIES if evaluation.judged_by == COPIES else _OF_LABELS
    return [measure for measure in evaluation.overall.estimates if measure.name in names]


def shown(evaluation: Evaluation) -> list[Measure]:
    """Return the measures that mean something: copies have one original, and no precision to speak of."""
    return telling(evaluation) if evaluation.judged_by == COPIES else list(evaluation.overall.estimates)


def reading(evaluation: Evaluation) -> str:
    """Return how to read the figures, in sentences."""
    share = f"{100 * evaluation.chance:.2g}%"
    if evaluation.judged_by == COPIES:
        return (
            "Each query is a changed copy of a picture of the gallery. recall@k is the share of copies whose original, "
            "or a picture that is identical to it, is among the first k hits; MRR the mean of 1 / its rank. "
            f"A random order would find {share} at rank 1."
        )
    return (
        "P@k is the share of the first k hits that have the label of the query; recall@k the share of all items with "
        "it that are among these, which is small where k is less than they are. mAP is the mean of the precisions at "
        "the ranks of all these items, MRR the mean of 1 / the rank of the first, and nDCG@k counts early ranks more. "
        f"A random order would have a precision of {share} at any k."
    )


def confused_pairs(evaluation: Evaluation) -> list[tuple[str, str, int]]:
    """Return which label asked and which other one the nearest item had, and for how many queries, most first."""
    pairs = [
        (asked, found, count)
        for asked, row in evaluation.confusion.items()
        for found, count in row.items()
        if found != asked
    ]
    return sorted(pairs, key=lambda pair: -pair[2])


def confused_names(evaluation: Evaluation) -> list[str]:
    """Return the labels that ask or are found, in order."""
    found = {name for row in evaluation.confusion.values() for name in row}
    return sorted(found | evaluation.confusion.keys())


def report_of(evaluation: Evaluation) -> Report:
    """Return what a page of an evaluation shows: figures, and the worst and best queries with their hits."""
    return Report(f"Ranking quality of {evaluation.subject.encoder.name}", _facts(evaluation), list(_parts(evaluation)))


def _facts(evaluation: Evaluation) -> dict[str, str]:
    subject = evaluation.subject
    judged = "changed copies have to find their originals"
    if subject.label_column is not None:
        judged = f"relevant are the items with the query's label (attribute “{subject.label_column}”)"
    facts = {
        "Gallery": f"{subject.gallery}, {subject.size:,} items",
        "Encoder": str(subject.encoder),
        "Queries": f"{evaluation.queries:,}: {judged}, in the exact ranking of all items",
    }
    left_out = evaluation.left_out.sentences()
    return {**facts, "Left out": "; ".join(left_out)} if left_out else facts


def _parts(evaluation: Evaluation) -> Iterator[Part]:
    rows: list[list[Cell]] = [
        [str(measure), _bounded(evaluation.overall.estimates[measure])] for measure in shown(evaluation)
    ]
    yield Table("Overall", f"{reading(evaluation)} {_INTERVALS}", ["measure", "mean over queries"], rows)
    yield _by_group(evaluation)
    if evaluation.confusion:
        yield _confusion(evaluation)
    first = "Those with the fewest relevant ones among their first hits, then by average precision (AP)."
    yield _illustrations("Worst queries", first, evaluation.worst)
    yield _illustrations("Best queries", "", evaluation.best)


def _by_group(evaluation: Evaluation) -> Table:
    measures = telling(evaluation)
    names = [str(measure) for measure in measures]
    is_by_copies = evaluation.judged_by == COPIES
    sizes = evaluation.subject.label_sizes
    rows: list[list[Cell]] = []
    for name, card in evaluation.groups.items():
        counts = [f"{card.queries:,}"] if is_by_copies else [f"{card.queries:,}", f"{sizes[name]:,}"]
        rows.append([name, *counts, *(_bounded(card.estimates[measure]) for measure in measures)])
    if is_by_copies:
        return Table("By change", "", ["change", "copies", *names], rows)
    return Table("By label", "", ["label", "queries", "items", *names], rows)


def _confusion(evaluation: Evaluation) -> Part:
    names = confused_names(evaluation)
    if len(names) <= MOST_IN_MATRIX:
        note = "How many queries of each label, by row, have a nearest item of each label, by column."
        return Matrix("Confusion", note, "asked \\ found", names, evaluation.confusion)
    rows = [[asked, found, f"{count:,}"] for asked, found, count in confused_pairs(evaluation)[:_MOST_CONFUSED]]
    note = "The labels that are most often those of the nearest item though another was asked for."
    return Table("Confusion", note, ["asked", "found", "queries"], rows)


def _illustrations(heading: str, note: str, examples: Sequence[Example]) -> Illustrations:
    return Illustrations(heading, note, [example.section() for example in examples])


def _bounded(estimate: Estimate) -> Bounded:
    return Bounded(estimate.mean, estimate.low, estimate.high)
