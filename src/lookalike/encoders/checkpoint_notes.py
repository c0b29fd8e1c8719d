"""Which conversion belongs to a checkpoint, noted so that it is found without loading the checkpoint."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import replace
from importlib.metadata import version
from itertools import product
from pathlib import Path
from stat import S_ISDIR
from typing import TYPE_CHECKING, Any

from lookalike.encoders import conversion_cache
from lookalike.encoders.conversion_cache import Entry

if TYPE_CHECKING:
    from lookalike.encoders.loading import EncoderOptions


def stamp(name: str) -> list[list[Any]] | None:
    """Return what changes when a checkpoint's folder does; None for one of the hub.

    Names, sizes, times and numbers of the files, as version control does it: reading all weights would take as long as
    loading them.
    """
    folder = Path(name)
    if not folder.is_absolute():
        return None
    found = []
    with contextlib.suppress(OSError):
        for path in sorted(folder.iterdir()):
            state = path.stat()
            if not S_ISDIR(state.st_mode):  # a gallery, say, which changes by itself
                found.append([path.name, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino])
    return found


def remember(folder: Path, name: str, options: EncoderOptions, entry: Entry, stamp: list[list[Any]] | None) -> None:
    """Note the conversion of a checkpoint, for the options that were asked for and for those that they came to."""
    about = entry.about
    known = {"weights_digest": about["weights_digest"], "revision": about["revision"]}
    note = {"stamp": stamp, "entry": entry.folder.name, **known}
    poolings = {options.pooling, about["pooling"]}
    preprocessings = {options.preprocessing, about["preprocessing"]}
    for pooling, preprocessing in product(poolings, preprocessings):
        chosen = replace(options, pooling=pooling, preprocessing=preprocessing)
        conversion_cache.write_json(_path(folder, name, chosen), note)


def recall(folder: Path, name: str, options: EncoderOptions) -> Entry | None:
    """Return the conversion of a checkpoint, or None if it is not known to be that of the checkpoint as it is now.

    A model of the hub is known by its weights alone: which ones its name means today only the hub can tell.
    """
    note = conversion_cache.read_json(_path(folder, name, options))
    if note is None or "entry" not in note:
        return None
    now = stamp(name)
    if now is None:
        is_it = options.spec is not None and options.spec.weights_digest == note.get("weights_digest")
    else:
        is_it = now == note.get("stamp")
    entry = conversion_cache.find(folder, str(note["entry"])) if is_it else None
    if entry is None or "revision" not in note:
        return None
    return Entry(entry.folder, {**entry.about, "revision": str(note["revision"])})


def _path(folder: Path, name: str, options: EncoderOptions) -> Path:
    parts = [name, options.pooling, options.preprocessing, options.trust_remote_code, version("openvino")]
    return folder / "names" / f"{hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()}.json"
