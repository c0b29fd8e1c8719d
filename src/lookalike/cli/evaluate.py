"""``lookalike evaluate``: how good the ranking is, by labels or by changed copies."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.options import DeviceOption, GalleryOption, JsonOption, RuntimeOption, TrustOption
from lookalike.cli.output import BuildProgress, print_json, print_rows, say, show_failures
from lookalike.errors import InputError

if TYPE_CHECKING:
    from lookalike.api.evaluation import Evaluation

_MOST_IN_MATRIX = 8
_MOST_CONFUSED = 10


def evaluate(
    queries: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUERIES",
            help="What asks: all that `index` takes. Default: the gallery's own items, each left out of its ranking.",
            show_default=False,
        ),
    ] = None,
    label_from: Annotated[
        str | None,
        typer.Option(
            metavar="parent|COLUMN|none",
            help="Relevant are items with the label of the query: the folder's name or an attribute. Default: `label`. "
            "Without labels, changed copies of pictures have to find their originals.",
        ),
    ] = None,
    k: Annotated[str, typer.Option("-k", metavar="K,...", help="Measure the first so many hits.")] = "1,5,10",
    sample: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Ask at most so many, drawn at random. Default: all QUERIES, 1,000 of the gallery's own items, or "
            "copies of 100.",
            show_default=False,
        ),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the worst queries with their hits (.png or .html).")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page with all figures, worst and best queries.")
    ] = None,
    gallery: GalleryOption = None,
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "auto",
    trust_remote_code: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Judge the ranking by queries whose answers are known: P@k, recall@k, mAP, MRR and nDCG@k, with 95% intervals."""
    from lookalike.api.encoder_choice import EncoderChoice
    from lookalike.api.evaluation import REPORT_AS
    from lookalike.api.gallery import Gallery
    from lookalike.api.hits import SAVED_AS
    from lookalike.encoders.loading import EncoderOptions
    from lookalike.exports.destination import saved_path
    from lookalike.gallery.location import locate

    ks = _numbers(k)
    if save is not None:
        save = saved_path(save, SAVED_AS)
    if report is not None:
        report = saved_path(report, REPORT_AS)
    options = EncoderOptions(device=device, trust_remote_code=trust_remote_code, runtime=runtime)
    target = Gallery(locate(gallery), EncoderChoice(options=options))
    with BuildProgress("Evaluating") as progress:
        found = target.evaluate(queries or None, label_from=label_from, k=ks, sample=sample, progress=progress)
    # written before anything is printed: JSON on standard output is either the answer or an error
    written = [found.save_worst(save)] if save is not None else []
    written += [found.save_report(report)] if report is not None else []
    if as_json:
        print_json(found.to_dict())
    else:
        _show(found)
    for path in written:
        say(f"saved {path}")


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        msg = f"-k takes whole numbers between commas, as in -k 1,5,10, and not {text!r}"
        raise InputError(msg) from None


def _show(found: Evaluation) -> None:
    from lookalike.api.evaluation_report import reading, shown, telling

    subject = found.subject
    judged = "changed copies" if subject.label_column is None else f"the attribute {subject.label_column!r}"
    gallery = f"{subject.size:,} items in {subject.gallery} [{subject.encoder}]"
    say(f"{found.queries:,} queries, judged by {judged}; {gallery}")
    for left_out in found.left_out.sentences():
        say(f"left out: {left_out}")
    show_failures(found.left_out.failed, "could not be read", all_of_them="--json lists")
    estimates = found.overall.estimates
    rows = [[str(m), *(f"{value:.3f}" for value in astuple(estimates[m]))] for m in shown(found)]
    headers = ["measure", "mean", "95% from", "to"]
    print_rows(rows, headers, right=headers[1:])
    measures = telling(found)
    group = "change" if subject.label_column is None else "label"
    say(f"by {group}:")
    rows = [
        [name, f"{card.queries:,}", *(f"{card.estimates[measure].mean:.3f}" for measure in measures)]
        for name, card in found.groups.items()
    ]
    headers = [group, "queries", *map(str, measures)]
    print_rows(rows, headers, right=headers[1:])
    if found.confusion:
        _show_confusion(found)
    say(f"how to read this: {reading(found)}")


def _show_confusion(found: Evaluation) -> None:
    from lookalike.api.evaluation_report import confused_names, confused_pairs

    names = confused_names(found)
    if len(names) <= _MOST_IN_MATRIX:
        say("queries by their label (rows) and that of their nearest item (columns):")
        rows = [[asked, *(f"{row.get(name, 0):,}" for name in names)] for asked, row in found.confusion.items()]
        print_rows(rows, ["", *names], right=names)
        return
    say("labels whose queries most often have a nearest item of another one:")
    pairs = [[asked, other, f"{count:,}"] for asked, other, count in confused_pairs(found)[:_MOST_CONFUSED]]
    print_rows(pairs, ["label", "nearest", "queries"], right=["queries"])
