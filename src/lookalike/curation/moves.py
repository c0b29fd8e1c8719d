"""Files moved away, with a journal that says how to move them back.

The journal of a move is a folder: the rows that leave the gallery, and a line for each file, on the disk before the
file is touched. So wherever a run ends, the journal names all files that were moved, and moving back starts from what
lies where. Nothing is ever overwritten.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from lookalike.building.report import Failure
from lookalike.errors import InputError
from lookalike.gallery.lance_errors import store_errors
from lookalike.images.digest import content_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO

    from lookalike.gallery.location import Location

_LINES, _ROWS, _UNDONE = "moves.jsonl", "rows.arrow", "undone"


@dataclass(frozen=True, slots=True)
class Move:
    """A file and where it goes."""

    id: str
    """Of the item."""
    digest: str
    """Of its bytes."""
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of files that were to be moved."""

    moves: Sequence[Move]
    failed: Sequence[Failure]

    def reversed(self) -> Moved:
        """Return the same files on their way back."""
        return Moved([replace(move, source=move.target, target=move.source) for move in self.moves], self.failed)


def new_journal(location: Location) -> Path:
    """Make the folder of a journal; its name is the time."""
    with store_errors(location):
        location.moves.mkdir(parents=True, exist_ok=True)
        while True:
            path = location.moves / datetime.now().strftime("%Y%m%d-%H%M%S-%f")
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return path


def trash_of(location: Location, journal: Path) -> Path:
    """Return the folder inside the gallery that takes the files of a journal."""
    return location.trash / journal.name


def newest_journal(location: Location) -> Path:
    """Return the newest journal that was not undone.

    Raises
    ------
    InputError : if there is none.
    """
    journals = sorted(location.moves.glob("*/" + _LINES), reverse=True)
    for lines in journals:
        if lines.stat().st_size and not (lines.parent / _UNDONE).exists():
            return lines.parent
    msg = "there is nothing to undo: no duplicates were moved away, or all of them were brought back"
    raise InputError(msg)


def move_all(journal: Path, rows: pa.Table, moves: Sequence[Move]) -> Moved:
    """Move files, each noted first.

    Parameters
    ----------
    journal : an empty folder.
    rows : what the gallery holds of the items.
    moves : a file that is not what was indexed any more stays where it is, and so does one whose target is taken.

    Raises
    ------
    OSError : if the journal cannot be written; nothing was moved then.
    """
    with pa.OSFile(str(journal / _ROWS), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
        writer.write_table(rows)
    done, failed = [], []
    with (journal / _LINES).open("w", encoding="utf-8") as lines:
        for move in moves:
            failure = _moved(move, lines)
            if failure is None:
                done.append(move)
            else:
                failed.append(failure)
    return Moved(done, failed)


def move_back(journal: Path) -> tuple[Moved, pa.Table]:
    """Move the files of a journal back to where they were.

    Returns
    -------
    What was moved, and the rows of the items whose files are at their old places, by this call or before; a file that
    is not where it was put, or whose old place is taken, stays.
    """
    done, failed, in_place = [], [], set()
    for move in _noted(journal):
        is_there, failure = _moved_back(move)
        if failure is not None:
            failed.append(failure)
            continue
        in_place.add(move.id)
        if not is_there:
            done.append(move)
    with pa.memory_map(str(journal / _ROWS)) as file:
        rows = pa.ipc.open_file(file).read_all()
    is_back = pa.array([row in in_place for row in rows["id"].to_pylist()], pa.bool_())
    return Moved(done, failed), rows.filter(is_back)


def close_journal(journal: Path) -> None:
    """Note that all of a journal was undone."""
    (journal / _UNDONE).touch()


def holds(path: Path, digest: str) -> bool:
    """Say whether a file has the bytes of that digest.

    Raises
    ------
    OSError : if it cannot be read.
    """
    return content_digest(path.read_bytes()) == digest


def _moved(move: Move, lines: IO[str]) -> Failure | None:
    try:
        if not holds(Path(move.source), move.digest):
            return Failure(move.source, "the file has changed since it was indexed; index it again")
        _note(lines, move)
        _carry(Path(move.source), Path(move.target))
    except OSError as error:
        reason = error.strerror or str(error)
        is_told = isinstance(error, FileExistsError)  # with the place
        return Failure(move.source, reason if is_told else f"it cannot be moved to {move.target} ({reason})")
    return None


def _moved_back(move: Move) -> tuple[bool, Failure | None]:
    """Say whether the file was there already: it was noted and never moved, or it was brought back before."""
    source, target = Path(move.source), Path(move.target)
    try:
        if source.exists() and holds(source, move.digest):
            return True, None
        _carry(target, source)
    except OSError as error:
        return False, Failure(move.target, error.strerror or str(error))
    return False, None


def _noted(journal: Path) -> Iterator[Move]:
    # what has no end was cut off by a crash: it was the last, and nothing was moved for it
    lines = (journal / _LINES).read_text(encoding="utf-8").splitlines(keepends=True)
    return (Move(**json.loads(line)) for line in lines if line.endswith("\n"))


def _note(lines: IO[str], move: Move) -> None:
    lines.write(json.dumps(asdict(move)) + "\n")
    lines.flush()
    os.fsync(lines.fileno())


def _carry(source: Path, target: Path) -> None:
    """Move a file to where there is none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, f"there is a file {str(target)!r} already")
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        partial = target.with_name(f".{target.name}.partial")
        shutil.copy2(source, partial)  # on another disk, where only a whole file gets the name
        partial.rename(target)
        source.unlink()
