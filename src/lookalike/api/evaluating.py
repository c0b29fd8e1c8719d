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
from lookalike.api.evaluation import Evaluation, LeftOut, Subject
from lookalike.api.evaluation_examples import Examples, Query, Shelf
from lookalike.api.label_rules import NO_LABELS, recalled
from lookalike.building.build import BuildOptions, build
from lookalike.building.report import Failure, NoProgress
from lookalike.errors import ImageDecodeError, InputError, SourceError
from lookalike.evaluation.augment import CHANGES
from lookalike.evaluation.judging import Asked, confusion, judge
from lookalike.evaluation.retrieval import copies_of, embedded
from lookalike.evaluation.row_codes import ids_of, known_codes, learned_codes, places_of
from lookalike.evaluation.sample import LABEL, SampledSource, sampled
from lookalike.evaluation.scorecard import AVERAGE_PRECISION, Measure, measures_at, scorecard, scorecards
from lookalike.gallery.lance_store import LanceStore
from lookalike.gallery.location import Location
from lookalike.gallery.manifest import Manifest
from lookalike.gallery.record import column_name
from lookalike.search.all_rows import all_rows
from lookalike.sources.labelled import PARENT, labelled_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lookalike.api.gallery import Gallery
    from lookalike.arrays import Positions, Vectors
    from lookalike.building.report import Progress
    from lookalike.evaluation.judging import Codes, Judged
    from lookalike.sources.base import Source

_OWN_SAMPLE = 1_000
_COPIED_SAMPLE = 100
"""Fewer, for each is changed and embedded in several ways."""


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """How a gallery is evaluated."""

    label_from: str | None = None
    """``parent``, an attribute, or ``none``; by default the attribute ``label``."""
    k: Sequence[int] = (1, 5, 10)
    sample: int | None = None
    """At most so many queries; by default all that are named, 1,000 of the gallery's own, and copies of 100."""
    progress: Progress = NoProgress()


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
            return self._by_copies(np.arange(len(self._rows)), LeftOut())
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
            return self._by_copies(places[places >= 0], LeftOut(unknown=int((places < 0).sum())))
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
        judged = self._judged(asked, labels.codes)
        found = labels.codes[judged.hits[:, 0]]
        sizes = np.bincount(labels.codes[labels.codes >= 0], minlength=len(names)).tolist()
        examples = self._examples(
            judged,
            asked,
            labels.codes,
            asker=asker.gallery,
            query=lambda number: Query(asker.item(asked.numbers[number]), names[asked.wanted[number]]),
            label_column=labels.column,
        )
        return Evaluation(
            self._subject(labels.column, dict(zip(names, sizes, strict=True))),
            scorecard(judged.values, self._measures),
            scorecards(judged.values, self._measures, asked.wanted, names),
            confusion(asked.wanted, found, names),
            examples.worst(),
            examples.best(),
            replace(left_out, unmatched=dict(sorted(unmatched.items()))),
        )

    def _by_copies(self, places: Positions, left_out: LeftOut) -> Evaluation:
        """Let changed copies of the items at some places look for their originals, or what is identical to these."""
        if len(places) == 0:
            msg = (
                "the queries have no labels, and are no items of the gallery whose changed copies could look for them; "
                "take labels from their folders with --label-from parent, or from an attribute"
            )
            raise InputError(msg)
        originals, vectors, failed = self._embedded_copies(sampled(places, self._options.sample or _COPIED_SAMPLE))
        digests = self._rows.store.take_in_order(self._rows.row_ids[originals], ["digest"])["digest"].to_pylist()
        numbers = {digest: number for number, digest in enumerate(dict.fromkeys(digests))}
        codes = known_codes(self._rows, "digest", numbers)
        kinds = len(CHANGES)
        asked = Asked(
            vectors,
            np.arange(len(vectors)),
            np.repeat(codes[originals], kinds),
            np.full(len(vectors), -1),  # a copy is no item itself
        )
        judged = self._judged(asked, codes)
        changes = np.tile(np.arange(kinds), len(originals))
        names = [change.name for change in CHANGES]

        def query(number: int) -> Query:
            item = self._shelf.item(originals[number // kinds])
            return Query(item, names[number % kinds], number % kinds)

        examples = self._examples(judged, asked, codes, asker=self._gallery, query=query)
        # the copies of one picture are no independent queries: intervals are over pictures
        by_picture = judged.values.reshape(len(originals), kinds, -1).mean(axis=1)
        return Evaluation(
            self._subject(None, {}),
            scorecard(by_picture, self._measures),
            scorecards(judged.values, self._measures, changes, names),
            {},
            examples.worst(),
            examples.best(),
            replace(left_out, failed=failed),
        )

    def _embedded_copies(self, places: Positions) -> tuple[Positions, Vectors, tuple[Failure, ...]]:
        """Return the places whose pictures can be read, the embeddings of their copies, and why the others cannot."""
        kept: list[int] = []
        failed: list[Failure] = []
        encoder = self._gallery.encoder
        self._options.progress.expect(len(places))

        def files() -> Iterator[bytes]:
            for place in places.tolist():
                item = self._shelf.item(place)
                try:
                    copies = copies_of(self._gallery.read(item))
                except (SourceError, ImageDecodeError) as error:
                    failed.append(Failure(item.uri, error.reason))
                    self._options.progress.advance(1, failed=1)
                    continue
                kept.append(place)
                yield from copies
                self._options.progress.advance(1, failed=0)

        vectors = list(embedded(encoder, files()))
        if not vectors:
            raise InputError(_none_readable(failed))
        return np.array(kept), np.concatenate(vectors), tuple(failed)

    def _judged(self, asked: Asked, codes: Codes) -> Judged:
        return judge(asked, self._rows.vectors, codes, measures=self._measures, progress=self._options.progress)

    def _examples(  # noqa: PLR0913  (what both kinds of queries differ in)
        self,
        judged: Judged,
        asked: Asked,
        codes: Codes,
        *,
        asker: Gallery,
        query: Callable[[int], Query],
        label_column: str | None = None,
    ) -> Examples:
        quality = judged.values[:, self._measures.index(Measure(AVERAGE_PRECISION))]
        matches = codes[judged.hits] == asked.wanted[:, None]
        return Examples(judged, quality, matches, self._shelf, asker, query, label_column)

    def _subject(self, label_column: str | None, label_sizes: dict[str, int]) -> Subject:
        gallery = self._gallery
        return Subject(str(gallery.path), gallery.spec, len(self._rows), label_column, label_sizes)


@contextmanager
def _embedded(gallery: Gallery, source: Source, progress: Progress) -> Iterator[tuple[Shelf, tuple[Failure, ...]]]:
    """Lend the items of a source as a gallery of their own, by the same encoder, with those that failed."""
    with tempfile.TemporaryDirectory(prefix="lookalike-", ignore_cleanup_errors=True) as folder:
        location = Location(Path(folder) / "queries")
        store = LanceStore.create(location, Manifest(encoder=gallery.spec.to_dict(), dim=gallery.spec.dim))
        report = build(store, source, lambda: gallery.encoder, BuildOptions(progress=progress))
        if report.total == 0:
            raise InputError(_none_readable(report.failed))
        asker = type(gallery)(location)
        yield Shelf(asker, all_rows(asker.store)), tuple(report.failed)


def _none_matched(unmatched: Mapping[str, int], column: str) -> str:
    some = ", ".join(map(repr, sorted(unmatched)[:3])) or "none at all"
    return (
        f"no query has a label that another item of the gallery has as its {column!r} (the queries' labels: {some}); "
        "choose other labels with --label-from"
    )


def _none_readable(failed: Sequence[Failure]) -> str:
    return f"none of the queries can be read; the first: {failed[0].uri}: {failed[0].reason}"
