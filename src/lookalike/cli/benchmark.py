"""``lookalike benchmark``: the indexes side by side on the user's own gallery."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.options import GalleryOption, JsonOption
from lookalike.cli.output import print_json, print_rows, say

if TYPE_CHECKING:
    from lookalike.evaluation.ann import Measured


def benchmark(
    index_specs: Annotated[
        list[str] | None,
        typer.Option("--index", metavar="SPEC", help="Measure these; by default all that are installed."),
    ] = None,
    k: Annotated[int, typer.Option("-k", "--k", min=1, help="Of how many nearest images the recall is.")] = 10,
    recall: Annotated[float, typer.Option(help="Show each index at its fastest setting that reaches this.")] = 0.95,
    metric: Annotated[str, typer.Option(help="cosine, inner-product or l2.")] = "cosine",
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw recall against speed, all settings.")
    ] = None,
    gallery: GalleryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare indexes on the gallery: recall against exact search, speed, time to build, and size."""
    from lookalike.api.gallery import Gallery
    from lookalike.evaluation.ann import best_of_each
    from lookalike.gallery.location import locate
    from lookalike.metric import as_metric

    if plot is not None:
        from lookalike.evaluation.plot import check_plot

        check_plot(plot)
    found = list(Gallery(locate(gallery)).benchmark(index_specs, k=k, metric=as_metric(metric), report=say))
    if plot is not None:
        from lookalike.evaluation.plot import save_curves

        save_curves({row.index: [r for r in found if r.index == row.index] for row in found}, plot, k=k)
        say(f"saved {plot}")
    if as_json:
        print_json([row.to_dict() for row in found])
        return
    headers = ["index", "setting", f"recall@{k}", "queries/s", "p50 ms", "p99 ms", "build s", "MB"]
    print_rows([_row(row) for row in best_of_each(found, recall)], headers, right=headers[2:])


def _row(row: Measured) -> list[str]:
    from lookalike.evaluation.reference_indexes import REFERENCES

    setting = ", ".join(f"{name}={value:g}" for name, value in row.params.items())
    times = [f"{row.p50:.2f}", f"{row.p99:.2f}", f"{row.build_seconds:.1f}"]
    return [
        f"{row.index} (for comparison)" if row.index in REFERENCES else row.index,
        setting,
        f"{row.recall:.3f}",
        f"{row.queries_per_second:,.0f}",
        *times,
        f"{row.nbytes / 1e6:,.1f}",
    ]
