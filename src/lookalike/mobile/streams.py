"""The process's own streams, kept clear of what native code prints."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STDOUT, STDERR = 1, 2


@contextmanager
def silenced(*descriptors: int) -> Iterator[None]:
    """Send what is written to descriptors away, native code's too; one that is closed stays so."""
    kept = {descriptor: os.dup(descriptor) for descriptor in descriptors if _is_open(descriptor)}
    try:
        with open(os.devnull, "wb") as null:  # noqa: PTH123  # a name that is no path everywhere
            for descriptor in kept:
                os.dup2(null.fileno(), descriptor)
            yield
    finally:
        for descriptor, copy in kept.items():
            os.dup2(copy, descriptor)
            os.close(copy)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
