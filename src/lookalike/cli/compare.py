"""``lookalike compare``: several encoders on one's own images."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.cli.options import (
    DeviceOption,
    GalleryOption,
    JsonOption,
    PoolingOption,
    RuntimeOption,
    TrustOption,
)
from lookalike.cli.output import print_json, print_rows, say
from lookalike.errors import InputError

if TYPE_CHECKING:
    from lookalike.evaluation.comparison import Trial
    from lookalike.evaluation.sample import SampleImage

_BY_LABELS, _BY_COPIES = ("P@1", "P@5", "mAP"), ("recall@1", "MRR")


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Encoders as --encoder takes them, also as MODEL@f32, MODEL@bf16 or MODEL@int8.",
            show_default=False,
        ),
    ],
    images: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="Try them on these: what `index` takes. Default: the gallery's images."),
    ] = None,
    gallery: GalleryOption = None,
    label_from: Annotated[
        str | None,
        typer.Option(metavar="parent|COLUMN", help="Judge by these labels. Default: `label`, if there is one."),
    ] = None,
    sample: Annotated[int, typer.Option(metavar="N", min=2, help="How many images, drawn at random.")] = 500,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw quality against speed (.png).")] = None,
    pooling: PoolingOption = "auto",
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "auto",
    trust_remote_code: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run encoders over your own images: speed, memory, and quality by labels, or by changed copies without labels."""
    from lookalike.evaluation.comparison import compare as try_each
    from lookalike.evaluation.plot import check_plot

    if plot is not None:
        check_plot(plot)
    with tempfile.TemporaryDirectory(prefix="lookalike-images-") as folder:
        drawn = _drawn(images, gallery, label_from, sample, Path(folder))
        by_labels = _has_labels(drawn, label_from)
        judged = "by their labels" if by_labels else "by changed copies of them, as they have no labels"
        say(f"{len(drawn):,} images, judged {judged}")
        choices = {"pooling": pooling, "runtime": runtime, "device": device, "trust_remote_code": trust_remote_code}
        trials = []
        for trial in try_each(models, drawn, by_labels=by_labels, choices=choices):
            trials.append(trial)
            say(f"{trial.model}: " + (trial.error or "done") + f" ({len(trials)} of {len(models)})")
    if as_json:
        judge = "labels" if by_labels else "copies"
        print_json({"images": len(drawn), "judged_by": judge, "models": [_as_dict(trial) for trial in trials]})
    else:
        _show(trials, _BY_LABELS if by_labels else _BY_COPIES)
    if plot is not None:
        _plot(trials, plot, len(drawn))
    if all(trial.result is None for trial in trials):
        raise typer.Exit(2)


def _drawn(
    images: str | None, gallery: str | None, label_from: str | None, count: int, folder: Path
) -> list[SampleImage]:
    from lookalike.evaluation.sample import sample_of_gallery, sample_of_source
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.gallery.location import locate
    from lookalike.sources.labelled import labelled_by
    from lookalike.sources.resolve import open_source

    if images is None:
        return sample_of_gallery(LanceStore.open(locate(gallery)), count, label_from=label_from)
    if gallery is not None:
        msg = "the images to try come from --images or from --gallery; name one of them"
        raise InputError(msg)
    source = open_source(images, base=Path.cwd())
    return sample_of_source(source if label_from is None else labelled_by(source, label_from), count, folder)


def _has_labels(drawn: list[SampleImage], label_from: str | None) -> bool:
    """Say whether two images have the same label."""
    labels = [image.label for image in drawn if image.label is not None]
    if len(labels) > len(set(labels)):
        return True
    if label_from is not None:
        msg = (
            f"no two of {len(drawn):,} images have the same label by {label_from!r}; take others, or a larger --sample"
        )
        raise InputError(msg)
    return False


def _as_dict(trial: Trial) -> dict[str, Any]:
    return {"model": trial.model, **(trial.result or {}), "error": trial.error}


def _measures(result: dict[str, Any]) -> dict[str, float]:
    quality = result["quality"]
    if "map" in quality:
        values = quality["precision"]["1"], quality["precision"]["5"], quality["map"]
        return dict(zip(_BY_LABELS, values, strict=True))
    return dict(zip(_BY_COPIES, (quality["recall"]["1"], quality["mrr"]), strict=True))


def _show(trials: list[Trial], measures: tuple[str, ...]) -> None:
    numbers = ["images/s", "dimension", "bytes/image", "peak memory", *measures]
    rows = [[trial.model, *_cells(trial.result, measures), trial.error or ""] for trial in trials]
    print_rows(rows, ["model", *numbers, "failed because"], right=numbers)


def _cells(result: dict[str, Any] | None, measures: tuple[str, ...]) -> list[str]:
    if result is None:
        return [""] * (4 + len(measures))
    peak = result["peak_bytes"]
    return [
        f"{result['images_per_second']:,.1f}",
        str(result["dim"]),
        f"{result['bytes_per_image']:,}",
        "unknown" if peak is None else f"{peak / 1e6:,.0f} MB",
        *(f"{value:.3f}" for value in _measures(result).values()),
    ]


def _plot(trials: list[Trial], path: Path, count: int) -> None:
    from lookalike.evaluation.plot import save_plot

    done = [(trial.model, trial.result) for trial in trials if trial.result is not None]
    if not done:
        return  # why each failed has been said
    measure = list(_measures(done[0][1]))[-1]
    points = [(model, result["images_per_second"], _measures(result)[measure]) for model, result in done]
    save_plot(points, path, quality=measure, title=f"Encoders on {count:,} of your images")
    say(f"saved {path.absolute()}")
