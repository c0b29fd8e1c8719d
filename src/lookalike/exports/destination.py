"""Whether something can be written to a place, as far as can be known before it is; and its writing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence


def saved_path(path: str | Path, suffixes: Sequence[str]) -> Path:
    """Return the absolute path of a file to be, checked before there is anything to write.

    Parameters
    ----------
    path : ``~`` stands for the user's folder.
    suffixes : those that the file may have, in small letters.

    Raises
    ------
    InputError : if it has another suffix; also see :func:`check_file`.
    """
    target = Path(path).expanduser().absolute()
    if target.suffix.lower() not in suffixes:
        found = target.suffix or "a file without a suffix"
        msg = f"results are saved as {' or '.join(suffixes)}, not as {found}: {target.name}"
        raise InputError(msg)
    check_file(target)
    return target


def write(path: Path, data: bytes) -> None:
    """Write a file; missing folders are made.

    Raises
    ------
    InputError : if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        msg = f"{path} cannot be written ({error.strerror}); choose another place"
        raise InputError(msg) from error


def check_file(path: Path) -> None:
    """Check that a file can be written there; missing folders may be made.

    Raises
    ------
    InputError : if it cannot, as far as is known without writing; the message says why.
    """
    if path.is_dir():
        raise _refused(path, "it is a folder")
    if path.exists() and not os.access(path, os.W_OK):
        raise _refused(path, "it is write-protected")
    _check_below(path.parent, path)


def check_folder(path: Path) -> None:
    """Check that files can be written into a folder, which need not exist yet.

    Raises
    ------
    InputError : see :func:`check_file`.
    """
    _check_below(path, path)


def _check_below(folder: Path, path: Path) -> None:
    nearest = folder.absolute()
    while not os.path.lexists(nearest):
        nearest = nearest.parent
    if not nearest.is_dir():
        raise _refused(path, "it is no folder" if nearest == path else f"{nearest} is no folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise _refused(path, f"the folder {nearest} may not be written to")


def _refused(path: Path, reason: str) -> InputError:
    return InputError(f"{path} cannot be written ({reason}); choose another place")
