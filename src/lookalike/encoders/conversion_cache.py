"""Folders of converted models: each appears whole or not at all, and is checked before it is used.

A converted model can be made again, so the user's cache may be removed at any time. A gallery keeps, in the same form,
what cannot be made again: see :mod:`lookalike.encoders.quantisation`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MODEL = "model.xml"
"""An OpenVINO model among the files of an entry; its weights are in ``model.bin`` beside it."""
_ABOUT = "about.json"
_PARTIAL = "partial-"
_FORMAT = 1
_ABANDONED_AFTER = 24 * 3600
"""Seconds after which an unfinished folder is that of a process which was killed."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder of files that were written together."""

    folder: Path
    about: Mapping[str, Any]
    """What its writer noted, as JSON."""


def cache_folder() -> Path:
    """Return where converted models are kept: ``LOOKALIKE_CACHE``, or the user's cache folder of the platform."""
    chosen = os.environ.get("LOOKALIKE_CACHE")
    root = Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("lookalike", appauthor=False))
    return root / "encoders"


def find(folder: Path, name: str) -> Entry | None:
    """Return the entry of that name, or None if there is none or a file of it is not what was written."""
    path = folder / name
    about = read_json(path / _ABOUT)
    if about is None or about.get("format") != _FORMAT:
        return None
    try:
        is_whole = all(file_digest(path / file) == digest for file, digest in about["files"].items())
    except (OSError, KeyError, AttributeError):
        return None
    return Entry(path, about["about"]) if is_whole else None


def store(folder: Path, name: str, fill: Callable[[Path], Mapping[str, Any]]) -> Entry:
    """Write an entry, in place of a damaged one.

    Parameters
    ----------
    folder : holds entries; made if there is none.
    name : of the entry. Where another process has just written a whole one, that one stays.
    fill : writes files into an empty folder and returns what to note about them, as JSON-ready values.

    Raises
    ------
    OSError : if the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder)
    partial = _partial(folder)
    partial.mkdir()
    try:
        about = fill(partial)
        files = {path.name: file_digest(path) for path in sorted(partial.iterdir())}
        note = {"format": _FORMAT, "files": files, "about": about}
        (partial / _ABOUT).write_text(json.dumps(note, indent=1), "utf-8")
        return _moved(Entry(partial, about), folder / name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def copy(entry: Entry, folder: Path) -> None:
    """Copy an entry into another folder of entries, under its own name.

    Raises
    ------
    OSError : if the folder cannot be written.
    """

    def fill(partial: Path) -> Mapping[str, Any]:
        noted = read_json(entry.folder / _ABOUT) or {}
        for file in noted.get("files", {}):
            shutil.copyfile(entry.folder / file, partial / file)
        return entry.about

    store(folder, entry.folder.name, fill)


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object in a file, or None if it cannot be read: what is cached is made again then."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write an object into a file, whole or not at all; a folder that cannot be written is left as it is."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = _partial(path.parent)
        try:
            partial.write_text(json.dumps(value), "utf-8")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file: processors have instructions for it, so that a large model takes a moment.

    Raises
    ------
    OSError : if the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _moved(written: Entry, target: Path) -> Entry:
    found = find(target.parent, target.name)
    if found is not None:
        return found
    shutil.rmtree(target, ignore_errors=True)  # a damaged one
    try:
        written.folder.rename(target)
    except OSError:
        found = find(target.parent, target.name)
        if found is None:  # otherwise another process was a little faster
            raise
        return found
    return Entry(target, written.about)


def _partial(folder: Path) -> Path:
    # not by tempfile, whose files others may not read: a gallery can be shared
    return folder / f"{_PARTIAL}{secrets.token_hex(8)}"


def _remove_abandoned(folder: Path) -> None:
    for path in folder.glob(f"{_PARTIAL}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_AFTER:
                shutil.rmtree(path, ignore_errors=True)
