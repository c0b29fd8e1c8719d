"""Whether a table's files are there and whole, as far as their sizes tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import lance


def damage_of(table: lance.LanceDataset) -> str | None:
    """Return what is wrong with the files that hold the rows of this version, or None.

    Costs one look at each file's size; their content is not read.

    Raises
    ------
    OSError : if the folder may not be looked into.
    """
    for path, size in _files(table):
        try:
            found = (Path(table.uri) / path).stat().st_size
        except FileNotFoundError:
            return f"its file {path} is missing"
        if found != size and (size is not None or found == 0):
            expected = "" if size is None else f" of {size:,}"
            return f"its file {path} has {found:,}{expected} bytes"
    return None


def _files(table: lance.LanceDataset) -> Iterator[tuple[str, int | None]]:
    for fragment in table.get_fragments():
        for file in fragment.data_files():
            yield f"data/{file.path}", file.file_size_bytes
        deletions = fragment.deletion_file()
        if deletions is not None:
            yield deletions, None
