"""``lookalike index``: bring a gallery up to date with its sources."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.options import (
    DeviceOption,
    ExactOption,
    GalleryOption,
    JsonOption,
    MaxBytesOption,
    MaxPixelsOption,
    PoolingOption,
    PrecisionOption,
    RuntimeOption,
    TrustOption,
    WorkersOption,
)
from lookalike.cli.output import BuildProgress, print_json, say, show_failures

if TYPE_CHECKING:
    from lookalike.api.gallery import Gallery
    from lookalike.building.report import BuildReport

_SOURCES = (
    "Folders; image files; glob patterns such as 'photos/**/*.jpg'; tables (.parquet, .csv, .tsv, .json, .jsonl, also "
    "x.parquet#COLUMN); tar archives (x.tar, x-{000..009}.tar); embeddings (.npy); lists of paths and URLs (.txt, or - "
    "for standard input); http(s) URLs; other URLs with the extra cloud, such as s3://bucket/photos or "
    "zip://::photos.zip; data sets, as hf:NAME[:SPLIT] or saved on disk."
)


def index(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help=_SOURCES,
            show_default=False,
        ),
    ],
    gallery: GalleryOption = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            "-e",
            help="A name that `lookalike models` lists, a model's folder, or owner/model on the Hugging Face hub.",
        ),
    ] = None,
    pooling: PoolingOption = "auto",
    preprocessing: Annotated[
        str, typer.Option(help="auto, fast, processor or resize-crop, for a transformers model.")
    ] = "auto",
    exact_preprocessing: ExactOption = False,
    precision: PrecisionOption = "auto",
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "auto",
    trust_remote_code: TrustOption = False,
    index_spec: Annotated[
        str | None,
        typer.Option(
            "--index",
            metavar="SPEC",
            help="How to search from now on: auto, exact, ivfpq, hnsw, sq8, lsh:bits=8,tables=10, faiss:FACTORY, "
            "scann, lance or milvus; pca:128/SPEC and rp:128/SPEC search in fewer dimensions.",
        ),
    ] = None,
    label_from: Annotated[
        str | None,
        typer.Option(
            metavar="parent|COLUMN|none",
            help="Take the attribute `label` from the folder's name or a column, now and in later runs over it.",
        ),
    ] = None,
    embedding_column: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Of Parquet tables: embeddings that are taken instead of made."),
    ] = None,
    tiles: Annotated[
        bool | None,
        typer.Option(
            "--tiles/--no-tiles",
            help="Whether parts of pictures are found too, from now on; they take thirteen times the time and room.",
            show_default=False,
        ),
    ] = None,
    workers: WorkersOption = None,
    max_pixels: MaxPixelsOption = 200_000_000,
    max_bytes: MaxBytesOption = 200_000_000,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if an item could not be indexed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Index images: embed what is new or changed, drop what is gone. Running it again costs almost nothing."""
    from lookalike.api.encoder_choice import EncoderChoice
    from lookalike.api.gallery import Gallery
    from lookalike.building.build import BuildOptions
    from lookalike.cores import usable_cores
    from lookalike.encoders.loading import EncoderOptions, preprocessing_named
    from lookalike.gallery.location import locate
    from lookalike.images.decode import Limits
    from lookalike.search.index_plan import IndexPlan, checked_spec

    plan = None if index_spec is None else IndexPlan(checked_spec(index_spec))
    preprocessing = preprocessing_named(preprocessing, exact=exact_preprocessing)
    chosen = EncoderOptions(pooling, preprocessing, precision, device, trust_remote_code, runtime=runtime)
    choice = EncoderChoice(encoder, chosen)
    limits = Limits(max_pixels=max_pixels, max_bytes=max_bytes)
    target = Gallery(locate(gallery), choice, limits=limits)
    started = time.perf_counter()
    with BuildProgress() as progress:
        options = BuildOptions(limits, workers or usable_cores(), progress, index=plan, tiles=tiles)
        report = target.add(sources, options, label_from=label_from, embedding_column=embedding_column)
    report.seconds = time.perf_counter() - started
    if target.notice:
        say(f"note: {target.notice}")
    if as_json:
        print_json(_as_dict(target, report))
    else:
        show_failures(report.failed)
        _show(target, report)
    if strict and report.failed:
        raise typer.Exit(1)


def _as_dict(gallery: Gallery, report: BuildReport) -> dict[str, object]:
    return {
        "gallery": str(gallery.path),
        "encoder": gallery.spec.name,
        "dim": gallery.spec.dim,
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "reused": report.reused,
        "tiled": report.tiled,
        "failed": [failure.to_dict() for failure in report.failed],
        "total": report.total,
        "seconds": round(report.seconds, 3),
        "images_per_second": round(report.images_per_second, 1),
    }


def _show(gallery: Gallery, report: BuildReport) -> None:
    counts = [
        (report.added, "added"),
        (report.updated, "updated"),
        (report.unchanged, "unchanged"),
        (report.removed, "removed"),
        (report.tiled, "cut into tiles"),
    ]
    done = ", ".join(f"{count:,} {what}" for count, what in counts if count) or "nothing to do"
    reused = f" ({report.reused:,} recognised by their content)" if report.reused else ""
    rate = f", {report.images_per_second:,.0f} images/s" if report.embedded else ""
    say(f"{done}{reused}; {report.total:,} images in {gallery.path} [{gallery.spec}] ({report.seconds:.1f} s{rate})")
