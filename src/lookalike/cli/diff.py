"""``lookalike diff``: what is in one gallery or folder and not in another."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.options import JsonOption
from lookalike.cli.output import BuildProgress, print_json, print_rows, say, show_failures
from lookalike.errors import SourceError

if TYPE_CHECKING:
    from lookalike.api.difference import Difference
    from lookalike.api.gallery import Gallery


def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="A gallery, or a folder of images.", show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another one.", show_default=False)],
    threshold: Annotated[
        str, typer.Option(metavar="auto|X", help="The cosine from which pictures are similar.")
    ] = "auto",
    as_json: JsonOption = False,
) -> None:
    """Compare two galleries or folders: what only one has, and what both have: training photos in a test set, say."""
    with ExitStack() as stack, BuildProgress("Comparing") as progress:
        galleries = [_existing(path) for path in (a, b)]
        model = next((found for found in galleries if found is not None), None)
        opened = [
            found or _indexed(path, model, stack, progress) for path, found in zip((a, b), galleries, strict=True)
        ]
        found = opened[0].diff(opened[1], threshold=threshold, progress=progress)
    if as_json:
        print_json(found.to_dict())
    else:
        _show(found)
    show_failures(found.unreadable, "could not be read, and were compared without", all_of_them="--json lists")


def _existing(path: Path) -> Gallery | None:
    from lookalike.api.gallery import Gallery
    from lookalike.gallery.location import locate

    if not path.is_dir():
        raise SourceError(str(path), "no such folder")
    location = locate(str(path))
    return Gallery(location) if location.exists() else None


def _indexed(path: Path, model: Gallery | None, stack: ExitStack, progress: BuildProgress) -> Gallery:
    """Index a folder for the time being, with the encoder of the other side if that is a gallery."""
    from lookalike.api.gallery import Gallery
    from lookalike.building.build import BuildOptions
    from lookalike.gallery.location import locate

    # closed before the folder is removed
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lookalike-", ignore_cleanup_errors=True))
    say(f"{path} is no gallery yet: it is indexed for now")
    made = Gallery(locate(folder), None if model is None else model.encoder)
    report = made.add(path, BuildOptions(progress=progress))
    show_failures(report.failed, all_of_them="")
    return made


def _show(found: Difference) -> None:
    rows = [["only A", "", "", hit.id, ""] for hit in found.only_a]
    rows += [["only B", "", "", "", hit.id] for hit in found.only_b]
    rows += [["both", pair.kind.value, f"{pair.score:.3f}", pair.item.id, pair.other.id] for pair in found.both]
    print_rows(rows, ["in", "kind", "score", "A", "B"], right=["score"])
    say(f"{found!r} (cosine from {found.threshold:.3f}); {found.seconds:.1f} s")
