"""Asking a gallery with queries whose answers are known; see :meth:`lookalike.api.gallery.Gallery.evaluate`."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.api.adding import open_for
from lookalike.api.evaluating_copies import evaluate_copies
from lookalike.api.evaluation import Evaluation, LeftOut
from lookalike.api.evaluation_examples import Examples, Query
from lookalike.api.gallery import Gallery
from lookalike.api.label_rules import NO_LABELS, recalled
from lookalike.api.shelf import Shelf
from lookalike.building.build import BuildOptions, build
from lookalike.errors import InputError
from lookalike.evaluation.judging import Asked, confusion, judge
from lookalike.evaluation.row_codes import ids_of, learned_codes, places_of
from lookalike.evaluation.sample import LABEL, SampledSource, sampled
from lookalike.evaluation.scorecard import Measure, measures_at, scorecard, scorecards
from lookalike.gallery.lance_store import LanceStore
from lookalike.gallery.location import Location
from lookalike.gallery.manifest import Manifest
from lookalike.gallery.record import column_name
from lookalike.search.all_rows import all_rows
from lookalike.sources.labelled import PARENT, labelled_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lookalike.api.evaluation import EvaluationOptions
    from lookalike.building.report import Failure, Progress
    from lookalike.evaluation.judging import Codes
    from lookalike.sources.base import Source

_OWN_SAMPLE = 1_000


def evaluate_gallery(gallery: Gallery, queries: Any, options: EvaluationOptions) -> Evaluation:
    """Ask a gallery with each query, and judge the ranking of all its items.

    Raises
    ------
    InputError : if there is nothing to judge by, or an option cannot be used.
    LookalikeError : for all else that goes wrong.
    """
    measures = measures_at(options.k)
    rows = all_rows(gallery.store)
    if len(rows) == 0:
        msg = f"the gallery {gallery.path} holds no images yet; index some first"
        raise InputError(msg)
    evaluator = _Evaluator(Shelf(gallery, rows), measures, options)
    if queries is None or queries is gallery:
        return evaluator.of_itself()
    return evaluator.of_source(open_for(gallery, queries))


@dataclass(frozen=True, slots=True)
class _Labels:
    column: str
    codes: Codes
    """Of the gallery's rows."""
    numbers: dict[str, int]
    """The code of each label."""


class _Evaluator:
    def __init__(self, shelf: Shelf, measures: Sequence[Measure], options: EvaluationOptions) -> None:
        self._shelf = shelf
        self._gallery, self._rows = shelf.gallery, shelf.rows
        self._measures = measures
        self._options = options

    def of_itself(self) -> Evaluation:
        """Let the gallery's own items ask for each other."""
        labels = None if self._options.label_from == NO_LABELS else self._labels()
        if labels is None:
            return evaluate_copies(self._shelf, np.arange(len(self._rows)), self._options)
        labelled = np.flatnonzero(labels.codes >= 0)
        chosen = sampled(labelled, self._options.sample or _OWN_SAMPLE)
        asked = Asked(self._rows.vectors, chosen, labels.codes[chosen], chosen)
        left_out = LeftOut(unlabelled=len(self._rows) - len(labelled))
        return self._by_labels(asked, labels, self._shelf, left_out)

    def of_source(self, source: Source) -> Evaluation:
        """Let the items of a source ask."""
        source = self._labelled(source)
        if self._options.label_from == NO_LABELS or not self._has_labels(source):
            places = places_of({ref.id: number for number, ref in enumerate(source)}, self._rows)
            found = evaluate_copies(self._shelf, places[places >= 0], self._options)
            return replace(found, left_out=replace(found.left_out, unknown=int((places < 0).sum())))
        labels = self._labels()
        if labels is None:
            msg = (
                f"the queries have labels, but the items of the gallery {self._gallery.path} have none; take these "
                "from their folders with --label-from parent, or from an attribute with --label-from COLUMN"
            )
            raise InputError(msg)
        if self._options.sample is not None:
            source = SampledSource(source, self._options.sample)
        with _embedded(self._gallery, source, self._options.progress) as (asker, failed):
            wanted = learned_codes(asker.rows, LABEL, labels.numbers)
            own = places_of(ids_of(asker.rows), self._rows)
            asked = Asked(asker.rows.vectors, np.arange(len(asker.rows)), wanted, own)
            return self._by_labels(asked, labels, asker, LeftOut(int((wanted < 0).sum()), failed=failed))

    def _labelled(self, source: Source) -> Source:
        if self._options.label_from is None:
            rules, base = self._rows.store.manifest.label_rules, self._gallery.location.base
            return recalled(source, rules, base=base)
        return source if self._options.label_from == NO_LABELS else labelled_by(source, self._options.label_from)

    def _has_labels(self, source: Source) -> bool:
        if any(ref.attributes.get(LABEL) is not None for ref in source):
            return True
        if self._options.label_from is not None:
            msg = f"none of the queries has a value of {self._options.label_from!r} to be judged by; name another"
            raise InputError(msg)
        return False

    def _labels(self) -> _Labels | None:
        """Return the labels of the gallery's rows; None if it has none, and none were asked for by name."""
        asked_for, store = self._options.label_from, self._rows.store
        named = [] if asked_for is None else ["folder" if asked_for == PARENT else column_name(asked_for)]
        for column in [*named, LABEL]:
            numbers: dict[str, int] = {}
            if column in store.attributes:
                codes = learned_codes(self._rows, column, numbers)
            if numbers:
                return _Labels(column, codes, numbers)
        if asked_for is None:
            return None
        known = ", ".join(store.attributes)
        msg = f"no item of the gallery has a value of {asked_for!r} to judge by; its attributes are: {known}"
        raise InputError(msg)

    def _by_labels(self, asked: Asked, labels: _Labels, asker: Shelf, left_out: LeftOut) -> Evaluation:
        names = list(labels.numbers)
        has_relevant = asked.relevant(labels.codes) > 0
        unmatched = Counter(names[code] for code in asked.wanted[~has_relevant & (asked.wanted >= 0)].tolist())
        asked = asked.having(has_relevant)
        if len(asked.numbers) == 0:
            raise InputError(_none_matched(unmatched, labels.column))
        judged = judge(
            asked, self._rows.vectors, labels.codes, measures=self._measures, progress=self._options.progress
        )

        def query(number: int) -> Query:
            return Query(asker.item(asked.numbers[number]), names[asked.wanted[number]])

        examples = Examples(judged, self._shelf, asker.gallery, query, labels.column)
        found = labels.codes[judged.hits[:, 0]]
        sizes = np.bincount(labels.codes[labels.codes >= 0], minlength=len(names)).tolist()
        return Evaluation(
            self._shelf.subject(labels.column, dict(zip(names, sizes, strict=True))),
            asked.chance(labels.codes),
            scorecard(judged.values, self._measures),
            scorecards(judged.values, self._measures, asked.wanted, names),
            confusion(asked.wanted, found, names),
            examples.worst(),
            examples.best(),
            replace(left_out, unmatched=dict(sorted(unmatched.items()))),
        )


@contextmanager
def _embedded(gallery: Gallery, source: Source, progress: Progress) -> Iterator[tuple[Shelf, tuple[Failure, ...]]]:
    """Lend the items of a source as a gallery of their own, by the same encoder, with those that failed."""
    with tempfile.TemporaryDirectory(prefix="lookalike-", ignore_cleanup_errors=True) as folder:
        location = Location(Path(folder) / "queries")
        store = LanceStore.create(location, Manifest(encoder=gallery.spec.to_dict(), dim=gallery.spec.dim))
        report = build(store, source, lambda: gallery.encoder, BuildOptions(progress=progress))
        if report.total == 0:
            raise InputError(_none_readable(report.failed))
        asker = Gallery(location)
        yield Shelf(asker, all_rows(asker.store)), tuple(report.failed)


def _none_matched(unmatched: Mapping[str, int], column: str) -> str:
    some = ", ".join(map(repr, sorted(unmatched)[:3])) or "none at all"
    return (
        f"no query has a label that another item of the gallery has as its {column!r} (the queries' labels: {some}); "
        "choose other labels with --label-from"
    )


def _none_readable(failed: Sequence[Failure]) -> str:
    return f"none of the queries can be read; the first: {failed[0].uri}: {failed[0].reason}"
