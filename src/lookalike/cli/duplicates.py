"""``lookalike duplicates``: what is in the gallery more than once, and moving it away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.options import GalleryOption, JsonOption
from lookalike.cli.output import BuildProgress, print_json, print_rows, say, show_failures
from lookalike.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.api.duplicates import Duplicates
    from lookalike.api.gallery import Gallery
    from lookalike.api.tidying import Going
    from lookalike.curation.moves import Moved

_MOVED = "exact,same"


def duplicates(
    threshold: Annotated[
        str, typer.Option(metavar="auto|X", help="The cosine from which pictures are similar.")
    ] = "auto",
    keep: Annotated[
        str,
        typer.Option(
            metavar="best|largest|oldest|newest",
            help="Which one of a group stays: that with most pixels, most bytes, or by the time of the shot.",
        ),
    ] = "best",
    save: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write the groups with their pictures.")
    ] = None,
    trash: Annotated[
        bool, typer.Option("--trash", help="Move duplicates to the gallery's own trash; --undo brings them back.")
    ] = False,
    move_to: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Move duplicates there instead, with the folders they are in.")
    ] = None,
    kinds: Annotated[
        str, typer.Option(metavar="KIND,...", help="What is moved: exact, same and similar ones.")
    ] = _MOVED,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be moved.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Bring back what was moved last.")] = False,
    not_duplicates: Annotated[
        bool, typer.Option("--not", help="Note that the ITEMS are no duplicates of each other, for good.")
    ] = False,
    items: Annotated[
        list[str] | None, typer.Argument(metavar="ITEMS...", help="Ids, for --not.", show_default=False)
    ] = None,
    gallery: GalleryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find what is in the gallery more than once: the same bytes, the same picture in other bytes, and similar ones."""
    from lookalike.api.duplicates import SAVED_AS, checked_kinds
    from lookalike.api.gallery import Gallery
    from lookalike.api.tidying import checked_folder
    from lookalike.exports.destination import saved_path
    from lookalike.gallery.location import locate

    if items and not not_duplicates:
        msg = "items are named with --not, which notes that they are no duplicates; without it all are looked at"
        raise InputError(msg)
    if undo and (trash or dry_run or move_to is not None):
        msg = "--undo brings back what was moved last; give it without --trash, --move-to and --dry-run"
        raise InputError(msg)
    target = Gallery(locate(gallery))
    if not_duplicates:
        _note(target, items or [], as_json=as_json)
    elif undo:
        _told(target.undo(report=say).reversed(), "brought back", as_json=as_json)
    else:
        # mistakes are told before the long part
        save = None if save is None else saved_path(save, SAVED_AS)
        chosen = checked_kinds(kinds.split(","))
        folder = None if move_to is None else checked_folder(move_to, target.location)
        with BuildProgress("Comparing") as progress:
            found = target.duplicates(threshold=threshold, keep=keep, progress=progress)
        if save is not None:
            say(f"saved {found.save(save)}")
        if (trash or move_to is not None) and dry_run:
            _say_counts(found)
            _show_going(found.going(chosen), as_json=as_json)
        elif trash or move_to is not None:
            moved = found.move(folder, kinds=chosen, report=say)
            _told(moved, "moved away", "; --undo brings them back", as_json=as_json)
        else:
            _show(found, as_json=as_json)


def _note(target: Gallery, items: list[str], *, as_json: bool) -> None:
    target.not_duplicates(*items, report=say)
    if as_json:
        print_json({"not_duplicates": items})
    say(f"noted: no two of these {len(items)} are duplicates")


def _show_going(going: Sequence[Going], *, as_json: bool) -> None:
    """Say what would be moved, and what would stay for what reason."""
    from lookalike.api.tidying import told_apart

    free, failed = told_apart(going)
    if as_json:
        would_move = [item.id for item in free]
        print_json({"would_move": would_move, "failed": [failure.to_dict() for failure in failed]})
    else:
        print_rows([[item.id] for item in free], ["id"])
    say(f"{len(free):,} files would be moved away")
    show_failures(failed, "would stay where they are", all_of_them="--json lists")


def _told(moved: Moved, what: str, remedy: str = "", *, as_json: bool) -> None:
    if as_json:
        moves = [{"id": move.id, "from": move.source, "to": move.target} for move in moved.moves]
        print_json({"moved": moves, "failed": [failure.to_dict() for failure in moved.failed]})
    else:
        print_rows([[move.id, move.target] for move in moved.moves], ["id", "to"])
    say(f"{len(moved.moves):,} files {what}{remedy if moved.moves else ''}")
    show_failures(moved.failed, "stayed where they are", all_of_them="--json lists")
    if moved.failed:
        raise typer.Exit(1)


def _show(found: Duplicates, *, as_json: bool) -> None:
    if as_json:
        print_json(found.to_dict())
    else:
        rows = []
        for number, group in enumerate(found.groups, start=1):
            rows.append([str(number), "keep", "", group.keep.id, ""])
            rows += [[str(number), item.kind.value, f"{item.score:.3f}", item.item.id, item.of] for item in group.items]
        print_rows(rows, ["group", "kind", "score", "id", "of"], right=["group", "score"])
        _say_counts(found)
        if found.groups:
            say("--trash or --move-to FOLDER moves the exact and same ones away")
    show_failures(found.unreadable, "could not be read, and were compared without", all_of_them="--json lists")


def _say_counts(found: Duplicates) -> None:
    say(
        f"{found.total:,} images, {len(found.groups):,} groups: {found.told_counts} "
        f"(cosine from {found.threshold:.3f}); {found.seconds:.1f} s"
    )
