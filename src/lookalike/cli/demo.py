"""``lookalike demo``: the main job on real photos, with an answer that can be checked."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.output import BuildProgress, print_rows, say, show_failures
from lookalike.errors import ImageDecodeError, InputError
from lookalike.exports.destination import check_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.api.gallery import Gallery
    from lookalike.images.decode import Pixels
    from lookalike.search.hit import Hit

_ORIGINALS_ASKED = 8
_HITS = 10
_SMALLEST_SIDE = 96
"""Of a photo worth changing."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A changed copy of an item, whose original is to be found."""

    path: Path
    change: str
    original: str
    """The id of the item."""
    digest: str
    """Of its bytes: an identical copy is as good an answer."""


def demo(
    images: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE", help="Index these instead: a folder, or hf:NAME[:SPLIT]. Default: bundled photos."
        ),
    ] = None,
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Where results are written.")] = Path("demo-output"),
) -> None:
    """Index photos, search with cropped, flipped and recompressed copies, and show that the originals are found."""
    from lookalike.api.gallery import Gallery
    from lookalike.api.hits import save_hits
    from lookalike.building.build import BuildOptions
    from lookalike.gallery.location import Location
    from lookalike.images.digest import content_digest

    target = output.expanduser().absolute()
    check_folder(target)  # before the photos are indexed
    _check_outside(target, images)
    source = images if images is not None else str(_bundled_photos(target / "photos"))
    # a gallery for each source, lest an earlier one's images be found among these
    name = "gallery" if images is None else f"gallery-{content_digest(os.path.abspath(images).encode())[:8]}"  # noqa: PTH100
    gallery = Gallery(Location(target / name))
    say(f"Indexing {source} ...")
    with BuildProgress() as progress:
        report = gallery.add(source, BuildOptions(progress=progress))
    show_failures(report.failed)
    rate = f", {report.images_per_second:,.0f} images/s" if report.embedded else ""
    say(f"{report.total:,} images in {gallery.path} [{gallery.spec}]{rate}")
    say("Searching with changed copies of some of them ...")
    questions = _questions(gallery, target / "queries")
    answers = gallery.search_batch([question.path for question in questions], k=_HITS)
    ranks = []
    for question, hits in zip(questions, answers, strict=True):
        found = [hit.rank for hit in hits if hit.digest == question.digest]
        ranks.append(found[0] if found else None)
    rows = [
        [
            Path(question.original).name,
            question.change,
            str(rank or "not found"),
            f"{hits[0].score:.3f}",
        ]
        for question, hits, rank in zip(questions, answers, ranks, strict=True)
    ]
    print_rows(rows, ["original", "the query is", "found at rank", "best score"], right=["found at rank", "best score"])
    picture = save_hits(answers[:: len(_CHANGES)][:4], target / "result.png")
    page = save_hits(answers, target / "result.html")
    say(f"\n{sum(rank == 1 for rank in ranks)} of {len(ranks)} originals were found at rank 1")
    say(f"result picture: {picture}\nresult page:    {page}")
    say(f"\nSearch it yourself:\n  {_own_command()} search --gallery {gallery.path} {questions[0].path} --open")


def _check_outside(target: Path, images: str | None) -> None:
    """Refuse an output folder among the images, which would be found among them the next time."""
    if not images:
        return
    source = Path(images).expanduser().resolve()
    if source.is_dir() and target.resolve().is_relative_to(source):
        msg = f"the output {target} would lie among the images in {source}; name another folder with --output"
        raise InputError(msg)


def _own_command() -> str:
    """Return how this program was called, so that the next command works without an activated environment."""
    return sys.argv[0] if Path(sys.argv[0]).name == "lookalike" else f"{sys.executable} -m lookalike"


def _bundled_photos(folder: Path) -> Path:
    """Copy the photos that scikit-image brings along, and changed ones beside them, into a folder of their own."""
    spec = importlib.util.find_spec("skimage")
    photos = Path(spec.origin).parent / "data" if spec is not None and spec.origin is not None else None
    if photos is None or not photos.is_dir():
        msg = "there are no photos to show: run `pip install scikit-image` for its photos, or name yours with --images"
        raise InputError(msg)
    _make(folder)
    for path in sorted(photos.iterdir()):
        target = folder / path.name
        # an unchanged copy keeps its time, so a second run has nothing to do
        if path.suffix in (".jpg", ".png") and not target.exists():
            shutil.copy2(path, target)
    return folder


def _make(folder: Path) -> None:
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)


def _questions(gallery: Gallery, folder: Path) -> list[_Question]:
    import numpy as np

    from lookalike.images.decode import decode
    from lookalike.images.transforms import encode_jpeg

    _make(folder)
    questions: list[_Question] = []
    for hit in _spread(gallery):
        try:
            pixels = decode(gallery.read(hit)).pixels
        except (OSError, ImageDecodeError):
            continue
        if min(pixels.shape[:2]) < _SMALLEST_SIDE:
            continue
        for change in _CHANGES:
            name = Path(hit.id).stem[:40]  # far from the longest name that a file system takes
            path = folder / f"{len(questions):02d}-{name}-{change.name.split()[0]}.jpg"
            path.write_bytes(encode_jpeg(np.ascontiguousarray(change.apply(pixels)), change.quality))
            questions.append(_Question(path, change.name, hit.id, hit.digest))
        if len(questions) >= _ORIGINALS_ASKED * len(_CHANGES):
            break
    if not questions:
        msg = f"none of the images is {_SMALLEST_SIDE} pixels wide and high, too small to show a changed copy of"
        raise InputError(msg)
    return questions


def _spread(gallery: Gallery) -> list[Hit]:
    """Return items from all over the gallery, more than are needed in case some cannot be used."""
    import numpy as np

    everything = gallery.search(np.ones(gallery.spec.dim, np.float32), k=min(len(gallery), 5_000))
    by_id = sorted(everything, key=lambda hit: hit.id)
    step = max(1, len(by_id) // (4 * _ORIGINALS_ASKED))
    candidates = by_id[::step]
    return candidates[::4] + candidates[1::4] + candidates[2::4] + candidates[3::4]


def _cropped(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    return pixels[height // 8 : height - height // 8, width // 8 : width - width // 8]


def _flipped(pixels: Pixels) -> Pixels:
    return pixels[:, ::-1]


def _same(pixels: Pixels) -> Pixels:
    return pixels


@dataclass(frozen=True, slots=True)
class _Change:
    """A way to change a photo that leaves it recognisable."""

    name: str
    apply: Callable[[Pixels], Pixels]
    quality: int
    """Of the JPEG that is written, 1 to 100."""


_CHANGES = (
    _Change("cropped to 3/4", _cropped, 90),
    _Change("flipped", _flipped, 90),
    _Change("recompressed at quality 15", _same, 15),
)
