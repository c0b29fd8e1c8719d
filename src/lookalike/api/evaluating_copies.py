"""Judging a gallery without labels: changed copies of its pictures have to find their originals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lookalike.api.evaluation import Evaluation, LeftOut
from lookalike.api.evaluation_examples import Examples, Query
from lookalike.building.report import Failure
from lookalike.errors import ImageDecodeError, InputError, SourceError
from lookalike.evaluation.augment import CHANGES
from lookalike.evaluation.judging import Asked, judge
from lookalike.evaluation.retrieval import copies_of, embedded
from lookalike.evaluation.row_codes import known_codes
from lookalike.evaluation.sample import sampled
from lookalike.evaluation.scorecard import measures_at, scorecard, scorecards

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lookalike.api.evaluation import EvaluationOptions
    from lookalike.api.shelf import Shelf
    from lookalike.arrays import Positions, Vectors

_SAMPLE = 100
"""Each picture is changed and embedded in several ways."""


def evaluate_copies(shelf: Shelf, places: Positions, options: EvaluationOptions) -> Evaluation:
    """Let changed copies of some items look for these, or for what is identical to them.

    Parameters
    ----------
    shelf : the gallery.
    places : of the items in its rows, from which a sample is drawn.
    options : how many, and what is measured.

    Raises
    ------
    InputError : if there are none, or none of their pictures can be read.
    """
    if len(places) == 0:
        msg = (
            "the queries have no labels, and are no items of the gallery whose changed copies could look for them; "
            "take labels from their folders with --label-from parent, or from an attribute"
        )
        raise InputError(msg)
    measures = measures_at(options.k)
    originals, vectors, failed = _embedded_copies(shelf, sampled(places, options.sample or _SAMPLE), options)
    kinds = len(CHANGES)
    codes = _codes_of_contents(shelf, originals)
    numbers = np.arange(len(vectors))
    asked = Asked(vectors, numbers, np.repeat(codes[originals], kinds), np.full(len(vectors), -1))
    judged = judge(asked, shelf.rows.vectors, codes, measures=measures, progress=options.progress)

    def query(number: int) -> Query:
        original, change = divmod(number, kinds)
        return Query(shelf.item(originals[original]), CHANGES[change].name, change)

    examples = Examples(judged, shelf, shelf.gallery, query, None)
    # the copies of one picture are no independent queries, so intervals are over pictures
    by_picture = judged.values.reshape(len(originals), kinds, -1).mean(axis=1)
    return Evaluation(
        shelf.subject(None, {}),
        asked.chance(codes),
        scorecard(by_picture, measures),
        scorecards(judged.values, measures, numbers % kinds, [change.name for change in CHANGES]),
        {},
        examples.worst(),
        examples.best(),
        LeftOut(failed=failed),
    )


def _codes_of_contents(shelf: Shelf, originals: Positions) -> Positions:
    """Return a number for each content of the originals, for each row that has it, and -1 for the others."""
    row_ids = shelf.rows.row_ids[originals]
    digests = dict.fromkeys(shelf.rows.store.take_in_order(row_ids, ["digest"])["digest"].to_pylist())
    return known_codes(shelf.rows, "digest", {digest: number for number, digest in enumerate(digests)})


def _embedded_copies(
    shelf: Shelf, places: Positions, options: EvaluationOptions
) -> tuple[Positions, Vectors, tuple[Failure, ...]]:
    """Return the places whose pictures can be read, the embeddings of their copies, and why the others cannot."""
    kept: list[int] = []
    failed: list[Failure] = []
    options.progress.expect(len(places))

    def files() -> Iterator[bytes]:
        for place in places.tolist():
            item = shelf.item(place)
            try:
                copies = copies_of(shelf.gallery.read(item))
            except (SourceError, ImageDecodeError) as error:
                failed.append(Failure(item.uri, error.reason))
                options.progress.advance(1, failed=1)
                continue
            kept.append(place)
            yield from copies
            options.progress.advance(1, failed=0)

    vectors = list(embedded(shelf.gallery.encoder, files()))
    if not vectors:
        msg = f"none of the pictures can be read to be changed; the first: {failed[0].uri}: {failed[0].reason}"
        raise InputError(msg)
    return np.array(kept), np.concatenate(vectors), tuple(failed)
