"""Single files, named one by one."""

from __future__ import annotations

import difflib
import errno
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.errors import SourceError, SourceGoneError
from lookalike.sources.names import absolute, anchored, file_ref, item_id, original, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lookalike.images.ref import ImageRef


_SHOWN = 60
"""Characters of a name that is too long."""


class FilesSource:
    """Files named one by one, whatever their suffixes.

    Parameters
    ----------
    paths : the files, in the order in which they are listed; one that is named twice is listed once.
    base : the folder that holds the gallery: ids of items inside are relative to it, other ids are absolute paths.
    """

    def __init__(self, paths: Sequence[Path], *, base: Path) -> None:
        self.uri = printable(str(paths[0])) if len(paths) == 1 else f"{len(paths)} files"
        self._base = base
        # from id to path
        self._paths = {item_id(path, base): path for path in (anchored(path, base) for path in paths)}

    @property
    def folders(self) -> Sequence[str]:
        """The folders that the files are in, absolute."""
        return tuple({str(Path(path).parent) for path in self._paths.values()})

    def __iter__(self) -> Iterator[ImageRef]:
        """List the files.

        Raises
        ------
        SourceError : if one is missing, or is no regular file.
        """
        for path in self._paths.values():
            try:
                status = Path(path).stat()
            except FileNotFoundError as error:
                raise missing(path) from error
            except OSError as error:
                raise SourceError(printable(path), error.strerror or "cannot be read") from error
            if not stat.S_ISREG(status.st_mode):
                raise SourceError(printable(path), "it is not a regular file")
            yield file_ref(path, status, self._base)

    def read(self, ref: ImageRef) -> bytes:
        """Return the bytes of the file."""
        return read_file(ref)

    def covers(self, item_id: str) -> bool:
        """Say whether the item is one of these files."""
        return item_id in self._paths


def read_file(ref: ImageRef) -> bytes:
    """Return the bytes of the file that a reference's URI names.

    Raises
    ------
    OSError : if it cannot be read.
    """
    return Path(original(ref.uri)).read_bytes()


def missing(path: str) -> SourceError:
    """Return the error for a path that cannot be found: why, or that it does not exist, with a similar name if any."""
    try:
        Path(path).stat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return SourceError(f"{printable(path)[:_SHOWN]}...", "no file has so long a name; check the path")
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            return SourceError(printable(path), error.strerror or "cannot be read")
    target = Path(absolute(path))
    try:
        while not target.parent.exists():
            target = target.parent
        siblings = [sibling.name for sibling in target.parent.iterdir()]
    except OSError:
        siblings = []
    close = difflib.get_close_matches(target.name, siblings, n=1)
    hint = f"; did you mean {printable(str(target.with_name(close[0])))}?" if close else ""
    return SourceGoneError(printable(path), f"there is no such file or folder{hint}")
