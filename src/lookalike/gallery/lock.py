"""One writer at a time."""

from __future__ import annotations

import contextlib
import json
import os
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from lookalike.errors import StoreLockedError
from lookalike.gallery.lance_errors import store_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lookalike.gallery.location import Location


@contextmanager
def writer_lock(location: Location, on_wait: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the gallery for writing; the operating system lets go of it when the process dies, however it dies.

    Parameters
    ----------
    location : the gallery; its folder is made if missing.
    on_wait : called once with a description of the holder if another process writes, before waiting for it. Without it
        a held lock is an error.

    Raises
    ------
    StoreLockedError : if another process writes and ``on_wait`` is None.
    StoreError : if the folder cannot be written.
    """
    lock = FileLock(location.lock)
    holder = location.lock.with_suffix(".holder")
    with store_errors(location):
        location.folder.mkdir(parents=True, exist_ok=True)
    _acquire(lock, location, on_wait)
    try:
        with store_errors(location):
            holder.write_text(json.dumps({"process": os.getpid(), "since": datetime.now().strftime("%H:%M:%S")}))
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def _acquire(lock: FileLock, location: Location, on_wait: Callable[[str], None] | None) -> None:
    with store_errors(location):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            description = _describe(location.lock.with_suffix(".holder"))
        else:
            return
    if on_wait is None:
        raise StoreLockedError(str(location.folder), description)
    on_wait(description)
    lock.acquire()


def _describe(holder: Path) -> str:
    try:
        values = json.loads(holder.read_text())
        return f"process {values['process']} (since {values['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"  # which has only just begun, or is about to end


def waiting_for(holder: str) -> str:
    """Return the sentence for who waits for another writer."""
    return f"the gallery is being written by {holder}; waiting for it to end (Ctrl-C gives up)"
