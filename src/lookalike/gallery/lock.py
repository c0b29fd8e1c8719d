"""One writer at a time."""

from __future__ import annotations

import contextlib
import json
import os
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from lookalike.errors import StoreFullError, StoreLockedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    """
    location.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(location.lock)
    holder = location.lock.with_suffix(".holder")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        description = _describe(holder.read_text() if holder.exists() else "")
        if on_wait is None:
            raise StoreLockedError(str(location.folder), description) from None
        on_wait(description)
        lock.acquire()
    try:
        _write_holder(location)
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def _write_holder(location: Location) -> None:
    text = json.dumps({"process": os.getpid(), "since": datetime.now().strftime("%H:%M:%S")})
    try:
        location.lock.with_suffix(".holder").write_text(text)
    except OSError as error:
        raise StoreFullError(str(location.folder)) from error


def _describe(text: str) -> str:
    try:
        values = json.loads(text)
        return f"process {values['process']} (since {values['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
