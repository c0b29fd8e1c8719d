"""Which folder is the gallery, and which folder it belongs to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

GALLERY_FOLDER = ".lookalike"
_ROWS = "items.lance"
_SKIPPED = "skipped.lance"


@dataclass(frozen=True, slots=True)
class Location:
    """The files of one gallery."""

    folder: Path
    """Absolute: holds the tables and the indexes."""

    @property
    def base(self) -> Path:
        """The folder that holds the gallery: ids of images below it are relative to it."""
        return self.folder.parent

    @property
    def rows(self) -> Path:
        """The table of items."""
        return self.folder / _ROWS

    @property
    def skipped(self) -> Path:
        """The table of items that could not be indexed."""
        return self.folder / _SKIPPED

    @property
    def indexes(self) -> Path:
        """The folder of what is derived from the rows and can be made again."""
        return self.folder / "indexes"

    @property
    def lock(self) -> Path:
        """The file that a writer holds."""
        return self.folder / "lock"

    def exists(self) -> bool:
        """Say whether there is a gallery."""
        return self.rows.is_dir()

    def stored_uri(self, uri: str) -> str:
        """Return the form of a path that survives moving the gallery together with its images."""
        prefix = self.base.as_posix().rstrip("/") + "/"
        return f"./{uri[len(prefix) :]}" if uri.startswith(prefix) else uri

    def full_uri(self, stored: str) -> str:
        """Return the absolute path or URI that :meth:`stored_uri` shortened."""
        return f"{self.base.as_posix().rstrip('/')}/{stored[2:]}" if stored.startswith("./") else stored


def locate(path: str | Path | None = None) -> Location:
    """Find the gallery that a path means, whether or not it exists yet.

    Without a path, the working directory and its parents are searched for a ``.lookalike`` folder, as git does; where
    there is none, it belongs into the working directory. A path is the gallery itself or the folder that holds it: an
    existing folder with other things in it is the latter.
    """
    if path is None:
        here = Path.cwd()
        for folder in (here, *here.parents):
            found = Location(folder / GALLERY_FOLDER)
            if found.exists():
                return found
        return Location(here / GALLERY_FOLDER)
    given = Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 - Path.absolute keeps ".." in the path
    own = Location(given)
    if given.name == GALLERY_FOLDER or own.exists() or own.lock.exists():
        return own
    if given.is_dir() and any(given.iterdir()):
        return Location(given / GALLERY_FOLDER)
    return own
