"""Pictures that clients upload: files in a folder of the gallery that is the server's own."""

from __future__ import annotations

import contextlib
import os
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lookalike.images.digest import content_digest
from lookalike.images.ref import ImageRef
from lookalike.sources.files import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lookalike.gallery.location import Location
    from lookalike.images.ref import Scalar

PREFIX = "upload:"
"""Begins the ids of uploads, so that none is that of a file."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture to add."""

    data: bytes
    name: str | None = None
    """By the client; it never becomes part of a path."""
    attributes: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The id of the item: the same bytes without a name are the same item."""
        return f"{PREFIX}{self.name or content_digest(self.data)}"


class UploadFolder:
    """The files of uploads. Their names are digests: of the id, and of the bytes."""

    def __init__(self, location: Location) -> None:
        self._folder = location.folder / "uploads"

    def write(self, upload: Upload) -> Path:
        """Put a picture there, beside an earlier one of the same id, and return its path.

        Raises
        ------
        OSError : if the folder cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{_of_id(upload.id)}-{content_digest(upload.data)}"
        unfinished = self._folder / f"partial-{uuid.uuid4().hex}"
        try:
            unfinished.write_bytes(upload.data)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        return path

    def keep_only(self, item: str, path: Path) -> None:
        """Remove the files of an item except that one."""
        _unlink(found for found in self._folder.glob(f"{_of_id(item)}-*") if found != path)

    def drop(self, items: Iterable[str]) -> None:
        """Remove the files of items; those that are no uploads have none."""
        begins = {_of_id(item) for item in items if item.startswith(PREFIX)}
        if begins:
            _unlink(found for found in self._folder.glob("*-*") if found.name.partition("-")[0] in begins)


class UploadSource:
    """Uploads that are on disk, as a source; what is in the gallery beside them stays there."""

    uri = "uploads"

    def __init__(self, uploads: Sequence[tuple[Upload, Path]]) -> None:
        self._uploads = uploads

    def __iter__(self) -> Iterator[ImageRef]:
        """List them."""
        for upload, path in self._uploads:
            size = len(upload.data)
            yield ImageRef(upload.id, os.fspath(path), upload.attributes, content_digest(upload.data), size)

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes."""
        return read_file(ref)

    def covers(self, item_id: str) -> bool:  # noqa: ARG002  (the protocol of sources)
        """Say that no other item is listed here."""
        return False


def _unlink(files: Iterable[Path]) -> None:
    for file in files:
        with contextlib.suppress(OSError):  # it is left over, and harms nobody
            file.unlink()


def _of_id(item: str) -> str:
    return content_digest(item.encode())
