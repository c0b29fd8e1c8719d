"""A gallery as a Hugging Face Space (https://huggingface.co/docs/hub/spaces-config-reference): a folder to upload."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.building.report import NoProgress
from lookalike.encoders.embedded import NAME as EMBEDDED
from lookalike.encoders.precomputed import NAME as PRECOMPUTED
from lookalike.errors import ImageDecodeError, InputError, SourceError
from lookalike.exports.destination import check_folder, write
from lookalike.gallery.location import GALLERY_FOLDER
from lookalike.gallery.lock import waiting_for, writer_lock
from lookalike.images.limits import DEFAULT_LIMITS
from lookalike.search.item_picture import read_original
from lookalike.search.items import as_hits, item_columns
from lookalike.sources.names import original

if TYPE_CHECKING:
    from lookalike.building.report import Progress
    from lookalike.gallery.lance_store import LanceStore
    from lookalike.search.hit import Hit

GRADIO = "6.31.0"
"""The release that the page was tested with."""
_APP = '''"""Serves the gallery beside this file, or the one that LOOKALIKE_GALLERY names, as a page to search with."""

import os
from pathlib import Path

import lookalike
from lookalike.server.options import ServerOptions
from lookalike.server.running import listen, run_server

gallery = lookalike.open(os.environ.get("LOOKALIKE_GALLERY") or Path(__file__).parent / ".lookalike")
# anybody may ask, by whatever name the Space has, and nobody may change anything
options = ServerOptions(hosts=(), framed_by=("https://huggingface.co",))
with listen("0.0.0.0", int(os.environ.get("PORT", "7860"))) as listening:
    run_server({"gallery": gallery}, options, listening, ready=lambda: print("ready", flush=True))
'''
_README = """---
title: {title}
emoji: 🔎
colorFrom: blue
colorTo: indigo
sdk: gradio
sdk_version: {gradio}
python_version: "3.11"
app_file: app.py
pinned: false
---

Search images by what they look like, with [lookalike](https://pypi.org/project/lookalike/). Upload this folder:

```console
$ hf upload USER/NAME . --repo-type space
```

{gallery}
"""
_WITHIN = "The gallery is the folder `.lookalike`, and its pictures lie beside it."
_MOUNTED = """The gallery is not within. Put it and its pictures on the storage of the Space, and set the variable
`LOOKALIKE_GALLERY` of the Space to its path, such as `/data/.lookalike`."""
_LARGE = "{} filter=lfs diff=lfs merge=lfs -text\n"
_BINARY = ("*.lance", "*.jpg", "*.jpeg", "*.png", "*.webp", "*.gif", "*.bmp", "*.tif", "*.tiff", "*.avif", "*.heic")


@dataclass(frozen=True, slots=True)
class SpaceOptions:
    """What may be chosen about a Space."""

    title: str = "lookalike"
    has_gallery: bool = True
    """Whether the gallery and its pictures are copied; otherwise they are put where the Space finds them."""
    progress: Progress = field(default_factory=NoProgress)


@dataclass(frozen=True, slots=True)
class SpaceReport:
    """What was written."""

    folder: Path
    pictures: int
    left_out: int
    """Items whose pictures were not copied: they lie outside the folder that holds the gallery, are no files of their
    own, or cannot be read any more. They are found, and shown by the thumbnail where the gallery keeps one."""
    bytes: int
    """Of all files."""

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready values."""
        return {**asdict(self), "folder": str(self.folder)}


def write_space(store: LanceStore, folder: str | Path, options: SpaceOptions, *, version: str) -> SpaceReport:
    """Write a Space that installs that version; see :meth:`lookalike.api.gallery.Gallery.export_space`."""
    target = Path(folder).expanduser().absolute()
    check_folder(target)
    if target.exists() and any(target.iterdir()):
        msg = f"{target} is not empty; name a new folder"
        raise InputError(msg)
    extras = _extras(store.manifest.encoder["name"])
    note = _WITHIN if options.has_gallery else _MOUNTED
    # a text in JSON is one in YAML
    about = _README.format(title=json.dumps(options.title), gradio=GRADIO, gallery=note)
    write(target / "app.py", _APP.encode())
    write(target / "requirements.txt", f"lookalike[{extras}]=={version}\n".encode())
    write(target / "README.md", about.encode())
    write(target / ".gitattributes", "".join(map(_LARGE.format, _BINARY)).encode())
    pictures, left_out = _copied(store, target, options.progress) if options.has_gallery else (0, len(store))
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    return SpaceReport(target, pictures, left_out, size)


def _extras(encoder: str) -> str:
    """Return the extras that a gallery of that encoder is served with."""
    if encoder in (EMBEDDED, PRECOMPUTED):
        return "ui"
    if Path(encoder).is_dir():
        msg = (
            f"the gallery's encoder is the folder {encoder!r} of this machine, which a Space has not; index with a "
            "model of the hub, or with the embedded one"
        )
        raise InputError(msg)
    return "ui,hf"


def _copied(store: LanceStore, target: Path, progress: Progress) -> tuple[int, int]:
    """Copy the gallery and its pictures, and return how many were copied and left out."""
    location = store.location
    with writer_lock(location, lambda holder: progress.note(waiting_for(holder))):
        store.refresh()
        pinned = store.pinned()
        # what was thrown away, and paths of this machine, are not for the world; what exports for phones keep is no use
        private = (location.trash.name, location.moves.name, location.index_servers.name)
        ignored = shutil.ignore_patterns(location.lock.name, "lock.holder", "partial-*", "phone-*", *private)
        shutil.copytree(location.folder, target / GALLERY_FOLDER, ignore=ignored)
    progress.expect(len(pinned))
    pictures = left_out = 0
    for batch in pinned.scan(item_columns(pinned)):
        for hit in as_hits(batch, pinned):
            is_copied = _copy_picture(hit, location.base, target)
            pictures, left_out = pictures + is_copied, left_out + (not is_copied)
            progress.advance(1, int(not is_copied))
    return pictures, left_out


def _copy_picture(hit: Hit, base: Path, target: Path) -> bool:
    path = Path(original(hit.uri))
    if not path.is_relative_to(base):
        return False
    try:
        data = read_original(hit.uri, hit.digest, DEFAULT_LIMITS)
    except (SourceError, ImageDecodeError):
        return False
    write(target / path.relative_to(base), data)
    return True
