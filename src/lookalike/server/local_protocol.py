"""How the command line asks a running server on the same machine: the socket's place, and what goes over it.

A message is the length of a JSON text in 8 bytes, the text, and the bytes of the pictures that it names by their
lengths. Nothing heavy is imported here.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

LENGTH = 8
MOST_JSON = 64 << 20
MOST_BYTES = 1 << 30
_LONGEST_PATH = 100
"""Paths of sockets have at most 104 or 108 bytes."""


def socket_path(gallery: Path) -> Path | None:
    """Return where the socket for a gallery is, or would be: in a folder that only this user can enter.

    None if there can be none.
    """
    if not hasattr(os, "getuid"):  # Windows
        return None
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(runtime, "lookalike") if runtime else Path(tempfile.gettempdir(), f"lookalike-{os.getuid()}")
    name = hashlib.blake2b(os.fsencode(os.path.realpath(gallery)), digest_size=12).hexdigest()
    path = folder / f"{name}.sock"
    return path if len(os.fsencode(path)) <= _LONGEST_PATH else None


def is_private(folder: Path) -> bool:
    """Say whether a folder is this user's and nobody else can enter it: else a socket in it may be anybody's."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077


def packed(values: Any, blobs: tuple[bytes, ...] = ()) -> bytes:
    """Return a message."""
    text = json.dumps({"values": values, "blobs": [len(blob) for blob in blobs]}).encode()
    return b"".join([len(text).to_bytes(LENGTH, "big"), text, *blobs])
