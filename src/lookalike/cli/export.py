"""``lookalike export``: a gallery for phones and browsers, and as a Space."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli import export_space
from lookalike.cli.options import GalleryOption, JsonOption, MaxBytesOption, MaxPixelsOption
from lookalike.cli.output import BuildProgress, print_json, say, show_failures
from lookalike.errors import InputError

if TYPE_CHECKING:
    from lookalike.mobile.searcher_options import SearcherReport

app = typer.Typer(help="Write the gallery for phones, browsers and other devices, or as a Space.")
app.command("space")(export_space.space)

_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}


@app.command("tflite")
def tflite(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The .tflite file to write.")],
    gallery: GalleryOption = None,
    index_spec: Annotated[
        str | None,
        typer.Option(
            "--index",
            metavar="KIND",
            help="float, or pq:block=4 with a byte for so many dimensions; leaves=100,fraction=0.1 divides the rows "
            "and looks into a share of the parts. Default: floats, or what finds most within --max-size.",
            show_default=False,
        ),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="At most so large, as in 20MB, with the model.", show_default=False),
    ] = None,
    separate: Annotated[bool, typer.Option("--separate", help="Write the index beside the model, as .ldb.")] = False,
    model_precision: Annotated[
        str, typer.Option(help="f32, or int8 for weights in 8 bits: a quarter of the size, and a space of its own.")
    ] = "f32",
    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A ready .tflite model in the place of the encoder.", show_default=False),
    ] = None,
    where: Annotated[
        str | None, typer.Option(metavar="SQL", help="Only items that match, such as \"folder = 'beach'\".")
    ] = None,
    max_pixels: MaxPixelsOption = 200_000_000,
    max_bytes: MaxBytesOption = 200_000_000,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if an item could not be exported.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a searcher for the ImageSearcher of the TFLite Task Library, on Android and iOS: model and index in one."""
    from lookalike.api.gallery import Gallery
    from lookalike.gallery.location import locate
    from lookalike.images.decode import Limits
    from lookalike.mobile.searcher_options import SearcherOptions

    if model_precision not in ("f32", "int8"):
        msg = f"the model's precision is f32 or int8, not {model_precision!r}; choose one of them"
        raise InputError(msg)
    size = None if max_size is None else _bytes(max_size)
    options = SearcherOptions(index_spec, size, separate, model_precision == "int8", model)
    target = Gallery(locate(gallery), limits=Limits(max_pixels=max_pixels, max_bytes=max_bytes))
    with BuildProgress("Embedding") as progress:
        report = target.export_tflite(output, options, where=where, progress=progress, report=say)
    if as_json:
        print_json(report.to_dict())
    else:
        show_failures(report.failed, "could not be exported")
        _show(report)
    if strict and report.failed:
        raise typer.Exit(1)


@app.command("onnx")
def onnx(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder to write into.")],
    gallery: GalleryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the encoder as ONNX and the embeddings as Parquet, for browsers and other devices."""
    from lookalike.api.gallery import Gallery
    from lookalike.gallery.location import locate
    from lookalike.mobile.onnx_export import ABOUT, MODEL, ROWS

    report = Gallery(locate(gallery)).export_onnx(output)
    if as_json:
        print_json(report.to_dict())
    else:
        files = ", ".join((MODEL, ROWS, ABOUT))
        say(f"{report.folder}: {files}; {report.rows:,} images, {report.dim}-d, {report.nbytes / 1e6:,.1f} MB")


def _show(report: SearcherReport) -> None:
    beside = "" if report.index_path is None else f" and {report.index_path}"
    say(
        f"{report.path}{beside}: {report.rows:,} images, {report.nbytes / 1e6:,.1f} MB [{report.model}, {report.index}]"
    )
    say(f"recall@10 against exact search: {report.recall:.3f}, by {report.queries} of the images")
    latency = report.latency_ms
    say(
        f"on one core of this machine LiteRT takes {latency['model']:.1f} ms for a picture, and a search "
        f"{latency['search']:.1f} ms; a phone differs"
    )


def _bytes(text: str) -> int:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([kmg]?b?)", text.strip().lower())
    unit = match and (match[2] if match[2].endswith("b") or not match[2] else f"{match[2]}b")
    if match is None or unit not in _UNITS:
        msg = f"{text!r} is no size; write a number with MB, as in 20MB"
        raise InputError(msg)
    return int(float(match[1]) * _UNITS[unit])
