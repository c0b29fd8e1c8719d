"""Folders and files anywhere that the ``fsspec`` library reaches: object stores, archives, other machines."""

from __future__ import annotations

import threading
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lookalike.errors import BackendMissingError, LookalikeError, SourceError
from lookalike.images.formats import has_image_suffix
from lookalike.images.ref import ImageRef
from lookalike.sources.folder import no_images
from lookalike.sources.names import printable
from lookalike.sources.walk import is_visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_AT_ONCE = 16
_VERSIONS = ("ETag", "etag", "md5Hash", "CRC", "LastModified", "last_modified", "mtime", "updated", "created")
"""What file systems tell of a file that changes when the file does, the surest first."""


@dataclass(frozen=True, slots=True)
class _Remote(ImageRef):
    path: str = ""


class RemoteSource:
    """Every file with an image suffix below a folder on a file system of ``fsspec``, or one file; ids are their URLs.

    Hidden and system folders and files are left out.

    Parameters
    ----------
    url : such as ``s3://bucket/folder``, or ``zip://folder::photos.zip``.

    Raises
    ------
    BackendMissingError : if ``fsspec`` is not installed.
    SourceError : if the library for this kind of URL is missing or refuses.
    """

    def __init__(self, url: str) -> None:
        self.uri = printable(url)
        place, self._joint, self._beyond = url.partition("::")
        self._place = place.rstrip("/") if not place.endswith("://") else place
        with self._reaching():
            self._files, self._root = _file_system(url)
        self._root = self._root.rstrip("/")
        # those that are not made for it share one open file or connection
        self._turn: Any = nullcontext() if self._files.async_impl else threading.Lock()

    @property
    def concurrency(self) -> int:
        """How many files are best read at once; 0 where they share one open file or connection."""
        return _AT_ONCE if self._files.async_impl else 0

    def __iter__(self) -> Iterator[ImageRef]:
        """List the images, each folder's in order of name.

        Raises
        ------
        SourceError : if there is no such folder or file, it cannot be read, or at the end, if it holds no images.
        """
        with self._reaching():
            info = self._files.info(self._root)
        if info["type"] == "file":
            yield self._ref(info, self._place)
            return
        is_empty = True
        ahead = [self._root]
        while ahead:
            files, folders = self._list(ahead.pop())
            for name, found in files:
                is_empty = False
                yield self._ref(found, self._below(name))
            ahead.extend(reversed(folders))
        if is_empty:
            raise SourceError(self.uri, no_images(0))

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of the file.

        Raises
        ------
        SourceError : if it cannot be read.
        """
        if not isinstance(ref, _Remote):
            raise SourceError(ref.uri, f"it is not in {self.uri}")
        with self._reaching(ref.uri), self._turn:
            return bytes(self._files.cat_file(ref.path))

    def covers(self, item_id: str) -> bool:
        """Say whether the item would be listed if it existed: it is this file, or below this folder and visible."""
        place, joint, beyond = item_id.partition("::")
        if (joint, beyond) != (self._joint, self._beyond):
            return False
        folder = self._below("")
        names = place.removeprefix(folder).split("/")
        is_below = place.startswith(folder) and all(map(is_visible, names)) and has_image_suffix(names[-1])
        return is_below or place == self._place

    def _list(self, folder: str) -> tuple[list[tuple[str, Any]], list[str]]:
        """Return the images in a folder, with their names from the root on, and its folders."""
        with self._reaching():
            entries = sorted(self._files.ls(folder, detail=True), key=lambda entry: str(entry["name"]))
            self._files.invalidate_cache(folder)
        files: list[tuple[str, Any]] = []
        folders: list[str] = []
        for entry in entries:
            path = str(entry["name"]).rstrip("/")
            name = path.rpartition("/")[2]
            if path.strip("/") == folder.strip("/") or not is_visible(name):  # object stores list a folder in itself
                continue
            if entry["type"] == "directory":
                folders.append(path)
            elif entry["type"] == "file" and has_image_suffix(name):
                files.append((path.strip("/").removeprefix(self._root.strip("/")).lstrip("/"), entry))
        return files, folders

    def _ref(self, info: Mapping[str, Any], url: str) -> _Remote:
        version = next((str(info[key]) for key in _VERSIONS if info.get(key)), "")
        size = info.get("size")
        full = printable(f"{url}{self._joint}{self._beyond}")
        return _Remote(
            id=full,
            uri=full,
            attributes={"folder": printable(url.rpartition("/")[0].rpartition("/")[2])},
            stamp=version and f"{size}:{version}",
            size=size,
            path=str(info["name"]),
        )

    def _below(self, name: str) -> str:
        return f"{self._place}{'' if self._place.endswith('/') else '/'}{name}"

    @contextmanager
    def _reaching(self, uri: str | None = None) -> Iterator[None]:
        try:
            yield
        except LookalikeError:
            raise
        except FileNotFoundError as error:
            raise SourceError(uri or self.uri, "there is no such file or folder") from error
        except Exception as error:  # every kind of file system has errors of its own
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise SourceError(uri or self.uri, reason) from error


def _file_system(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        backend, extra = "fsspec", "cloud"
        raise BackendMissingError(backend, extra) from error
    found: tuple[Any, str] = url_to_fs(url)
    return found
