"""Items that a list names one by one, each by a path or a URL."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.errors import SourceError
from lookalike.images.ref import ImageRef
from lookalike.sources.fetch import CONCURRENCY, DEFAULT_FETCH_LIMITS, FetchLimits, fetch, is_web_url
from lookalike.sources.names import absolute, anchored, file_ref, item_id, name_of, original, printable
from lookalike.sources.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    from lookalike.images.ref import Scalar

    Entry: TypeAlias = tuple[str, Mapping[str, Scalar]]

_URL_STAMP = "url"
_ANCHORS_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class ListName:
    """What a list is called."""

    id: str
    """Begins the ids of its entries that name nothing."""
    uri: str


class ListedSource:
    """Files and web pictures that a list names.

    A file has the id and the stamp that its folder would give it. The id of a web picture is its URL, and one that is
    in the gallery is not fetched again: a picture that changes behind its URL is seen under a new URL only. Entries
    that name the same item are listed once, with the attributes of the first.

    Parameters
    ----------
    name : of the list.
    entries : returns a new iterator over the entries: a path, a ``file:`` URI or a URL, and the attributes. An empty
        entry is listed, and cannot be read.
    folder : relative paths are relative to it.
    base : the folder that holds the gallery: ids of files inside are relative to it, other ids are absolute paths.
    limits : for the pictures from the web.
    """

    def __init__(
        self,
        name: ListName,
        entries: Callable[[], Iterator[Entry]],
        *,
        folder: Path,
        base: Path,
        limits: FetchLimits = DEFAULT_FETCH_LIMITS,
    ) -> None:
        self.uri = name.uri
        self._name = name
        self._entries = entries
        self._folder = folder
        self._base = base
        self._limits = limits
        self._listed: Seen | None = None
        self._has_urls = False
        self._anchors: dict[str, str] = {}

    @property
    def concurrency(self) -> int:
        """How many pictures are best fetched at once; 0: none of those listed is from the web."""
        return CONCURRENCY if self._has_urls else 0

    def __iter__(self) -> Iterator[ImageRef]:
        """List the entries in their order. A file that is not there is listed, and fails to be read.

        Raises
        ------
        SourceError : if the list cannot be read, or at the end, if it is empty.
        """
        seen = Seen()
        ref = None
        try:
            for ref in self.refs():
                if seen.add(ref.id):
                    yield ref
        except SourceError:
            self._listed = seen  # of a damaged list, what comes before the damage
            raise
        if ref is None:
            raise SourceError(self.uri, "the list is empty")
        self._listed = seen

    def refs(self) -> Iterator[ImageRef]:
        """List an item for each entry, also where several name the same one."""
        for number, (text, attributes) in enumerate(self._entries()):
            ref = self._ref(number, text)
            yield replace(ref, attributes={**ref.attributes, **attributes})

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of the file, or fetch them.

        Raises
        ------
        OSError : if that fails, or the entry is empty.
        """
        if ref.stamp == _URL_STAMP:
            return fetch(ref.uri, limits=self._limits)
        if ref.uri.startswith(f"{self.uri}#"):
            raise SourceError(ref.uri, "it names no picture")
        path = Path(original(ref.uri))
        try:
            mode = path.stat().st_mode
        except ValueError as error:
            raise SourceError(ref.uri, "it is no path") from error
        if not stat.S_ISREG(mode):  # opening a pipe or a device could block for ever
            raise SourceError(ref.uri, "it is a folder" if stat.S_ISDIR(mode) else "it is not a regular file")
        return path.read_bytes()

    def covers(self, item_id: str) -> bool:
        """Say whether the item is in the list; what was in it once cannot be told."""
        if self._listed is None:
            for _ in self:
                pass
        return self._listed is not None and item_id in self._listed

    def _ref(self, number: int, text: str) -> ImageRef:
        if is_web_url(text):
            self._has_urls = True
            return ImageRef(printable(text), printable(text), stamp=_URL_STAMP)
        if not text:
            return ImageRef(f"{self._name.id}#{number}", f"{self.uri}#{number}")
        path = self._anchored(original(text))
        try:
            status = os.stat(path)  # noqa: PTH116 - lists are long, and a Path costs several times as much
        except (OSError, ValueError):  # ValueError: a NUL in the path
            status = None
        if status is None or not stat.S_ISREG(status.st_mode):
            attributes = {"folder": printable(name_of(path.rpartition(os.sep)[0]))}
            return ImageRef(item_id(path, self._base), printable(path), attributes)
        return file_ref(path, status, self._base)

    def _anchored(self, text: str) -> str:
        """Return the path as a listing of its folder gives it."""
        folder, _, name = absolute(os.path.join(self._folder, text)).rpartition(os.sep)  # noqa: PTH118 - see above
        if folder not in self._anchors:
            if len(self._anchors) >= _ANCHORS_KEPT:
                self._anchors.clear()
            self._anchors[folder] = anchored(folder or os.sep, self._base).rstrip(os.sep)
        return f"{self._anchors[folder]}{os.sep}{name}"
