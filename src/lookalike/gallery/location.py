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
    def fingerprints(self) -> Path:
        """The table of what copies of pictures are known by; made when duplicates are first looked for."""
        return self.folder / "fingerprints.lance"

    @property
    def curation(self) -> Path:
        """The folder of what was decided about duplicates, and of what was moved away."""
        return self.folder / "curation"

    @property
    def moves(self) -> Path:
        """The folder of the journals of what was moved away: they hold paths of this machine."""
        return self.curation / "moves"

    @property
    def trash(self) -> Path:
        """The folder of the files that were moved away to here."""
        return self.curation / "trash"

    @property
    def indexes(self) -> Path:
        """The folder of what is derived from the rows and can be made again."""
        return self.folder / "indexes"

    @property
    def index_servers(self) -> Path:
        """The file that says whose the indexes on servers are: it holds a path of this machine."""
        return self.folder / "index_servers.json"

    @property
    def encoders(self) -> Path:
        """The folder of what the gallery's encoder cannot be made again from."""
        return self.folder / "encoders"

    @property
    def tiles(self) -> Location:
        """The table of the tiles of pictures, with its indexes: as those of a gallery; not there unless wanted."""
        return Location(self.folder / "tiles")

    @property
    def lock(self) -> Path:
        """The file that a writer holds."""
        return self.folder / "lock"

    def exists(self) -> bool:
        """Say whether there is a gallery."""
        return is_committed(self.rows)


def is_committed(table: Path) -> bool:
    """Say whether a table was ever written as a whole: if its first write was killed, there is nothing to lose."""
    try:
        return any(path.suffix == ".manifest" for path in (table / "_versions").iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # it may not be looked at, and opening it says why


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
    if given.name == GALLERY_FOLDER or own.exists() or os.path.exists(own.lock):  # noqa: PTH110 - never raises
        return own
    return Location(given / GALLERY_FOLDER) if _is_in_use(given) else own


def _is_in_use(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False
